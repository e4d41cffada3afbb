// Keys of rows on disk. Their byte order is Cassandra's: by token, then partition key bytes, then
// clustering columns. Layout with examples: docs/formats/table-row.md.
//
//   table id, 4 bytes | token, 8 bytes | partition key | kind, 1 byte | clustering columns
//
// Invariants
//   1. Numbers are big-endian; signed ones have their sign bit flipped, so that bytes sort as
//   numbers do.
//   2. A partition key of one fixed-size column is its bytes; any other is Cassandra's
//   serialisation, escaped (00 becomes
//      00 FF) and closed by 00 00: no partition's key is the beginning of another's.
//   3. Each clustering column is order-preserving and says itself where it ends; DESC columns are
//   inverted bit by bit.
//   4. Within a partition: deletions first, then the static row, then rows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/mutation.h"
#include "store/table.h"

namespace millrace::store {

enum class RecordKind : uint8_t { kDeletions = 0, kStatic = 1, kRow = 2 };

inline constexpr size_t kTokenAt = 4;
inline constexpr size_t kPartitionAt = 12;

inline uint64_t BiasedToken(int64_t token) {
  return static_cast<uint64_t>(token) ^ (uint64_t{1} << 63);
}
// Which of `shards` column families holds a biased token: equal ranges of tokens.
inline int ShardOfToken(uint64_t biased, int shards) {
  return static_cast<int>(static_cast<unsigned __int128>(biased) * static_cast<unsigned>(shards) >>
                          64);
}

// Appends table id, token and partition key. `serialized`: the key as Cassandra serialises it
// (composites included).
void AppendPartition(const Table& table, std::string_view serialized, std::string& out);
// One component of a composite partition key: 2-byte size, bytes, 0. False above 65535 bytes.
bool AppendCompositePart(std::string_view part, std::string& out);

// Appends one clustering value from its serialised form.
void AppendOrdered(const CqlType& type, bool descending, std::string_view serialized,
                   std::string& out);
// Escaped bytes closed by 00 00.
void AppendEscaped(std::string_view bytes, std::string& out);

// Size of table id, token and partition key of a stored key; 0 when it is none of this table.
size_t PartitionSize(const Table& table, std::string_view key);
// The serialised values of the key columns: partition columns, then (for rows) clustering columns.
// kDamaged.
Status DecodeKey(const Table& table, std::string_view key, std::vector<std::string>& values);

// From Values in key order (of the columns' SQL types); kInvalidArgument for NULLs, wrong counts
// and misfits. The partition's part of the key:
Result<std::string> PartitionPrefix(const Table& table, const data::Value::List& key);
// The whole key of a row; the static row's when only the partition columns are given.
Result<std::string> RowKey(const Table& table, const data::Value::List& key);

// Bytes behind the kind byte: rows with begin <= bytes < end; an empty `end` is unbounded.
struct KeyRange {
  std::string begin;
  std::string end;
  bool Contains(std::string_view clustering) const {
    return clustering >= begin && (end.empty() || clustering < end);
  }
};
Result<KeyRange> ClusteringKeyRange(const Table& table, const ClusteringRange& range);

// The least string greater than every string that begins with `prefix`; empty when there is none.
std::string PrefixEnd(std::string prefix);

}  // namespace millrace::store
