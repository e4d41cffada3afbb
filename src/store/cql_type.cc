#include "store/cql_type.h"

#include <fmt/format.h>

#include "store/schema.h"

namespace millrace::store {
namespace {

struct KindFact {
  CqlKind kind;
  std::string_view name;
  size_t fixed_size;
};

constexpr KindFact kKinds[] = {
    {CqlKind::kAscii, "ascii", 0},
    {CqlKind::kText, "text", 0},
    {CqlKind::kVarchar, "varchar", 0},
    {CqlKind::kTinyint, "tinyint", 1},
    {CqlKind::kSmallint, "smallint", 2},
    {CqlKind::kInt, "int", 4},
    {CqlKind::kBigint, "bigint", 8},
    {CqlKind::kVarint, "varint", 0},
    {CqlKind::kBoolean, "boolean", 1},
    {CqlKind::kFloat, "float", 4},
    {CqlKind::kDouble, "double", 8},
    {CqlKind::kDecimal, "decimal", 0},
    {CqlKind::kUuid, "uuid", 16},
    {CqlKind::kTimeuuid, "timeuuid", 16},
    {CqlKind::kTimestamp, "timestamp", 8},
    {CqlKind::kDate, "date", 4},
    {CqlKind::kTime, "time", 8},
    {CqlKind::kBlob, "blob", 0},
    {CqlKind::kInet, "inet", 0},
    {CqlKind::kList, "list", 0},
    {CqlKind::kSet, "set", 0},
    {CqlKind::kMap, "map", 0},
    {CqlKind::kTuple, "tuple", 0},
    {CqlKind::kUserType, "type", 0},
};

const KindFact& FactOf(CqlKind kind) { return kKinds[static_cast<size_t>(kind) - 1]; }

CqlKind WithoutAlias(CqlKind kind) { return kind == CqlKind::kVarchar ? CqlKind::kText : kind; }

}  // namespace

CqlType CqlType::Nested(CqlKind kind, std::vector<CqlType> arguments) {
  CqlType type(kind);
  type.arguments = std::move(arguments);
  return type;
}

CqlType CqlType::Tuple(std::vector<CqlType> fields) {
  return Frozen(Nested(CqlKind::kTuple, std::move(fields)));
}

size_t CqlType::fixed_size() const { return FactOf(kind).fixed_size; }

std::string CqlType::ToString() const {
  if (kind < CqlKind::kList) return std::string(CqlKindName(WithoutAlias(kind)));
  std::string text = kind == CqlKind::kUserType ? QuoteIdentifier(name) : "";
  if (kind != CqlKind::kUserType) {
    for (const CqlType& argument : arguments) {
      text += (text.empty() ? "" : ", ") + argument.ToString();
    }
    text = fmt::format("{}<{}>", CqlKindName(kind), text);
  }
  // Tuples are always frozen and written without saying so.
  return frozen && kind != CqlKind::kTuple ? fmt::format("frozen<{}>", text) : text;
}

bool operator==(const CqlType& a, const CqlType& b) {
  return WithoutAlias(a.kind) == WithoutAlias(b.kind) && a.frozen == b.frozen && a.name == b.name &&
         a.field_names == b.field_names && a.arguments == b.arguments;
}

bool ScalarKindOf(std::string_view name, CqlKind& kind) {
  for (const KindFact& fact : kKinds) {
    if (fact.kind >= CqlKind::kList || fact.name != name) continue;
    kind = fact.kind;
    return true;
  }
  return false;
}

std::string_view CqlKindName(CqlKind kind) { return FactOf(kind).name; }

}  // namespace millrace::store
