// The catalog's stored forms: version byte, then varint-sized texts and varint numbers in the order
// of the structs.
#include "base/bytes.h"
#include "store/schema.h"

namespace millrace::store {
namespace {

constexpr char kVersion = 1;
constexpr int kTypeDepthMax = 32;

void PutText(std::string& to, std::string_view text) {
  AppendVarint(to, text.size());
  to.append(text);
}

std::string TakeText(ByteReader& from) { return std::string(from.Bytes(from.Varint())); }

void PutType(std::string& to, const CqlType& type) {
  to.push_back(static_cast<char>(type.kind));
  to.push_back(type.frozen ? 1 : 0);
  PutText(to, type.name);
  AppendVarint(to, type.arguments.size());
  for (size_t i = 0; i < type.arguments.size(); ++i) {
    PutType(to, type.arguments[i]);
    if (type.kind == CqlKind::kUserType) PutText(to, type.field_names[i]);
  }
}

bool TakeType(ByteReader& from, CqlType& type, int depth) {
  const auto kind = from.Little<uint8_t>();
  if (kind < 1 || kind > static_cast<uint8_t>(CqlKind::kUserType) || depth > kTypeDepthMax)
    return false;
  type.kind = static_cast<CqlKind>(kind);
  type.frozen = from.Little<uint8_t>() != 0;
  type.name = TakeText(from);
  const uint64_t count = from.Varint();
  const bool needs_arguments = type.kind >= CqlKind::kList;
  if (count > from.remaining() || needs_arguments != (count > 0)) return false;
  if (type.kind == CqlKind::kMap ? count != 2 : type.is_collection() && count != 1) return false;
  for (uint64_t i = 0; i < count; ++i) {
    if (!TakeType(from, type.arguments.emplace_back(), depth + 1)) return false;
    if (type.kind == CqlKind::kUserType) type.field_names.push_back(TakeText(from));
  }
  return from.ok();
}

bool TakeColumn(ByteReader& from, ColumnSchema& column) {
  column.name = TakeText(from);
  const auto kind = from.Little<uint8_t>();
  if (kind > static_cast<uint8_t>(ColumnKind::kRegular)) return false;
  column.kind = static_cast<ColumnKind>(kind);
  column.descending = from.Little<uint8_t>() != 0;
  column.id = static_cast<uint16_t>(from.Varint());
  return TakeType(from, column.type, 0);
}

std::unexpected<Error> Damaged(std::string_view what) {
  return Fail(ErrorCode::kDamaged, "catalog: the stored {} cannot be read", what);
}

}  // namespace

std::string EncodeTableSchema(const TableSchema& table) {
  std::string to(1, kVersion);
  PutText(to, table.keyspace);
  PutText(to, table.name);
  PutText(to, table.comment);
  AppendVarint(to, static_cast<uint32_t>(table.default_time_to_live_s));
  AppendVarint(to, static_cast<uint32_t>(table.gc_grace_s));
  AppendVarint(to, table.columns.size());
  for (const ColumnSchema& column : table.columns) {
    PutText(to, column.name);
    to.push_back(static_cast<char>(column.kind));
    to.push_back(column.descending ? 1 : 0);
    AppendVarint(to, column.id);
    PutType(to, column.type);
  }
  return to;
}

Result<TableSchema> DecodeTableSchema(std::string_view bytes) {
  ByteReader from(bytes);
  TableSchema table;
  if (from.Little<char>() != kVersion) return Damaged("table (unknown version)");
  table.keyspace = TakeText(from);
  table.name = TakeText(from);
  table.comment = TakeText(from);
  table.default_time_to_live_s = static_cast<int32_t>(from.Varint());
  table.gc_grace_s = static_cast<int32_t>(from.Varint());
  const uint64_t count = from.Varint();
  if (count > from.remaining()) return Damaged("table");
  for (uint64_t i = 0; i < count; ++i)
    if (!TakeColumn(from, table.columns.emplace_back()))
      return Damaged("table " + table.FullName());
  if (!from.ok() || from.remaining() > 0) return Damaged("table " + table.FullName());
  return table;
}

std::string EncodeUserType(const UserType& type) {
  std::string to(1, kVersion);
  PutText(to, type.keyspace);
  PutText(to, type.name);
  AppendVarint(to, type.field_names.size());
  for (size_t i = 0; i < type.field_names.size(); ++i) {
    PutText(to, type.field_names[i]);
    PutType(to, type.field_types[i]);
  }
  return to;
}

Result<UserType> DecodeUserType(std::string_view bytes) {
  ByteReader from(bytes);
  UserType type;
  if (from.Little<char>() != kVersion) return Damaged("type (unknown version)");
  type.keyspace = TakeText(from);
  type.name = TakeText(from);
  const uint64_t count = from.Varint();
  if (count > from.remaining()) return Damaged("type");
  for (uint64_t i = 0; i < count; ++i) {
    type.field_names.push_back(TakeText(from));
    if (!TakeType(from, type.field_types.emplace_back(), 0)) return Damaged("type " + type.name);
  }
  if (!from.ok() || from.remaining() > 0) return Damaged("type " + type.name);
  return type;
}

std::string EncodeKeyspace(const Keyspace& keyspace) {
  std::string to(1, kVersion);
  PutText(to, keyspace.name);
  PutText(to, keyspace.replication);
  to.push_back(keyspace.durable_writes ? 1 : 0);
  return to;
}

Result<Keyspace> DecodeKeyspace(std::string_view bytes) {
  ByteReader from(bytes);
  Keyspace keyspace;
  if (from.Little<char>() != kVersion) return Damaged("keyspace (unknown version)");
  keyspace.name = TakeText(from);
  keyspace.replication = TakeText(from);
  keyspace.durable_writes = from.Little<uint8_t>() != 0;
  if (!from.ok() || from.remaining() > 0) return Damaged("keyspace");
  return keyspace;
}

}  // namespace millrace::store
