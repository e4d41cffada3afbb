// CqlType: a column type of CQL 3.4
// (https://cassandra.apache.org/doc/latest/cassandra/developing/cql/types.html).
//
//   CqlType::Map(CqlType(CqlKind::kText), CqlType(CqlKind::kInt)).ToString()    "map<text, int>"
//
// Counter and duration are understood by the grammar and refused by the store (see README).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::store {

// The numbers are stored in the catalog and never change.
enum class CqlKind : uint8_t {
  kAscii = 1,
  kText = 2,
  kVarchar = 3,  // the same type as text under an older name
  kTinyint = 4,
  kSmallint = 5,
  kInt = 6,
  kBigint = 7,
  kVarint = 8,
  kBoolean = 9,
  kFloat = 10,
  kDouble = 11,
  kDecimal = 12,
  kUuid = 13,
  kTimeuuid = 14,
  kTimestamp = 15,  // milliseconds since 1970
  kDate = 16,       // days, biased by 2^31
  kTime = 17,       // nanoseconds since midnight
  kBlob = 18,
  kInet = 19,
  kList = 20,
  kSet = 21,
  kMap = 22,
  kTuple = 23,
  kUserType = 24,
};

struct CqlType {
  CqlKind kind = CqlKind::kText;
  bool frozen = false;
  std::vector<CqlType> arguments;  // list and set: element; map: key, value; tuple and UDT: fields
  std::string name;                // user type: its name, without the keyspace
  std::vector<std::string> field_names;  // user type: one per argument

  CqlType() = default;
  explicit CqlType(CqlKind scalar) : kind(scalar) {}
  static CqlType List(CqlType element) { return Nested(CqlKind::kList, {std::move(element)}); }
  static CqlType Set(CqlType element) { return Nested(CqlKind::kSet, {std::move(element)}); }
  static CqlType Map(CqlType key, CqlType value) {
    return Nested(CqlKind::kMap, {std::move(key), std::move(value)});
  }
  static CqlType Tuple(std::vector<CqlType> fields);
  static CqlType Frozen(CqlType type) {
    type.frozen = true;
    return type;
  }

  bool is_collection() const { return kind >= CqlKind::kList && kind <= CqlKind::kMap; }
  // Stored as one cell per element, each with its own write time.
  bool is_multi_cell() const { return is_collection() && !frozen; }
  // May be (part of) a primary key: everything but multi-cell collections.
  bool is_key_type() const { return !is_multi_cell(); }
  // Bytes of every value in Cassandra's serialisation, or 0 when it varies.
  size_t fixed_size() const;

  // As CQL writes it: "frozen<list<int>>"; varchar prints as text.
  std::string ToString() const;
  // Equal types store equal bytes; text equals varchar.
  friend bool operator==(const CqlType& a, const CqlType& b);

 private:
  static CqlType Nested(CqlKind kind, std::vector<CqlType> arguments);
};

// "int" -> kInt for scalars, by CQL name in lower case; false when there is no such scalar type.
bool ScalarKindOf(std::string_view name, CqlKind& kind);
std::string_view CqlKindName(CqlKind kind);

}  // namespace millrace::store
