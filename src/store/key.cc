#include "store/key.h"

#include "base/bytes.h"
#include "base/hash.h"
#include "store/cql_value.h"
#include "store/ordered_bytes.h"

namespace millrace::store {
namespace {

std::unexpected<Error> DamagedKey(const Table& table) {
  return Fail(ErrorCode::kDamaged, "table {}: a stored key cannot be read",
              table.schema.FullName());
}

// Splits Cassandra's composite form.
bool SplitComposite(std::string_view serialized, size_t count, std::vector<std::string>& values) {
  ByteReader from(serialized);
  for (size_t i = 0; i < count; ++i) {
    values.emplace_back(from.Bytes(from.Big<uint16_t>()));
    if (from.Little<uint8_t>() != 0) return false;
  }
  return from.ok() && from.remaining() == 0;
}

Status AppendKeyValue(const Table& table, size_t column, const data::Value& value,
                      std::string& out) {
  const ColumnSchema& schema = table.schema.columns[column];
  if (value.is_null())
    return Fail(ErrorCode::kInvalidArgument, "table {}: key column {} is NULL",
                table.schema.FullName(), schema.name);
  auto status = AppendCqlValue(*table.sql.fields[column].type, value, schema.type, out);
  if (!status)
    return std::unexpected(std::move(status.error()).WithContext("column " + schema.name));
  return {};
}

Status CheckCount(const Table& table, size_t count, size_t least, size_t most) {
  if (count >= least && count <= most) return {};
  return Fail(ErrorCode::kInvalidArgument, "table {}: a key of {} values, wanted {} to {}",
              table.schema.FullName(), count, least, most);
}

}  // namespace

bool AppendCompositePart(std::string_view part, std::string& out) {
  if (part.size() > UINT16_MAX) return false;
  AppendBig(out, static_cast<uint16_t>(part.size()));
  out.append(part);
  out.push_back(0);
  return true;
}

void AppendPartition(const Table& table, std::string_view serialized, std::string& out) {
  AppendBig(out, table.id);
  AppendBig(out, BiasedToken(CassandraToken(serialized)));
  if (table.fixed_partition_bytes != 0) {
    out.append(serialized);
  } else {
    AppendEscaped(serialized, out);
  }
}

size_t PartitionSize(const Table& table, std::string_view key) {
  if (key.size() <= kPartitionAt || LoadBig<uint32_t>(key.data()) != table.id) return 0;
  size_t size = kPartitionAt + table.fixed_partition_bytes;
  if (table.fixed_partition_bytes == 0) {
    const size_t escaped = EscapedSize(key.substr(kPartitionAt));
    if (escaped == 0) return 0;
    size += escaped;
  }
  return size < key.size() ? size : 0;
}

Status DecodeKey(const Table& table, std::string_view key, std::vector<std::string>& values) {
  values.clear();
  const size_t size = PartitionSize(table, key);
  if (size == 0) return DamagedKey(table);
  std::string serialized(key.substr(kPartitionAt, size - kPartitionAt));
  if (table.fixed_partition_bytes == 0) serialized = Unescaped(serialized);
  if (table.partition_count() == 1) {
    values.push_back(std::move(serialized));
  } else if (!SplitComposite(serialized, table.partition_count(), values)) {
    return DamagedKey(table);
  }
  if (static_cast<RecordKind>(key[size]) != RecordKind::kRow) return {};
  std::string_view rest = key.substr(size + 1);
  for (size_t i = table.partition_count(); i < table.key_count(); ++i) {
    const ColumnSchema& column = table.schema.columns[i];
    if (!TakeOrdered(column.type, column.descending, rest, values.emplace_back()))
      return DamagedKey(table);
  }
  return rest.empty() ? Status() : DamagedKey(table);
}

Result<std::string> PartitionPrefix(const Table& table, const data::Value::List& key) {
  MR_TRY(CheckCount(table, key.size(), table.partition_count(), table.key_count()));
  std::string serialized;
  if (table.partition_count() == 1) {
    MR_TRY(AppendKeyValue(table, 0, key[0], serialized));
  } else {
    for (size_t i = 0; i < table.partition_count(); ++i) {
      std::string part;
      MR_TRY(AppendKeyValue(table, i, key[i], part));
      if (!AppendCompositePart(part, serialized))
        return Fail(ErrorCode::kInvalidArgument,
                    "column {}: a key of {} bytes, at most 65535 are possible",
                    table.schema.columns[i].name, part.size());
    }
  }
  if (serialized.size() > UINT16_MAX)
    return Fail(ErrorCode::kInvalidArgument,
                "table {}: a partition key of {} bytes, at most 65535 are possible",
                table.schema.FullName(), serialized.size());
  std::string prefix;
  AppendPartition(table, serialized, prefix);
  return prefix;
}

Result<std::string> RowKey(const Table& table, const data::Value::List& key) {
  const bool is_static = key.size() == table.partition_count() && table.clustering_count() > 0;
  if (!is_static) MR_TRY(CheckCount(table, key.size(), table.key_count(), table.key_count()));
  MR_ASSIGN(std::string out, PartitionPrefix(table, key));
  out.push_back(static_cast<char>(is_static ? RecordKind::kStatic : RecordKind::kRow));
  std::string serialized;
  for (size_t i = table.partition_count(); i < key.size(); ++i) {
    serialized.clear();
    MR_TRY(AppendKeyValue(table, i, key[i], serialized));
    AppendOrdered(table.schema.columns[i].type, table.schema.columns[i].descending, serialized,
                  out);
  }
  return out;
}

std::string PrefixEnd(std::string prefix) {
  while (!prefix.empty() && static_cast<uint8_t>(prefix.back()) == 0xff) prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(prefix.back() + 1);
  return prefix;
}

Result<KeyRange> ClusteringKeyRange(const Table& table, const ClusteringRange& range) {
  const bool bounded = range.lower || range.upper;
  MR_TRY(CheckCount(table, range.equal.size() + (bounded ? 1 : 0), 0, table.clustering_count()));
  KeyRange result;
  std::string serialized;
  for (size_t i = 0; i < range.equal.size(); ++i) {
    const size_t column = table.partition_count() + i;
    serialized.clear();
    MR_TRY(AppendKeyValue(table, column, range.equal[i], serialized));
    AppendOrdered(table.schema.columns[column].type, table.schema.columns[column].descending,
                  serialized, result.begin);
  }
  result.end = PrefixEnd(result.begin);
  if (!bounded) return result;
  const size_t column = table.partition_count() + range.equal.size();
  const ColumnSchema& schema = table.schema.columns[column];
  const std::string prefix = result.begin;
  // In stored order: DESC swaps the ends.
  const auto& first = schema.descending ? range.upper : range.lower;
  const auto& last = schema.descending ? range.lower : range.upper;
  const auto encoded = [&](const ClusteringRange::Bound& bound) -> Result<std::string> {
    std::string out = prefix;
    std::string bytes;
    MR_TRY(AppendKeyValue(table, column, bound.value, bytes));
    AppendOrdered(schema.type, schema.descending, bytes, out);
    return out;
  };
  if (first) {
    MR_ASSIGN(std::string out, encoded(*first));
    result.begin = first->inclusive ? out : PrefixEnd(out);
    if (result.begin.empty()) return KeyRange{"\xff", "\xff"};  // behind every key: no rows
  }
  if (last) {
    MR_ASSIGN(std::string out, encoded(*last));
    result.end = last->inclusive ? PrefixEnd(out) : out;
  }
  return result;
}

}  // namespace millrace::store
