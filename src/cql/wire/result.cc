#include "cql/wire/result.h"

#include <algorithm>

#include <fmt/format.h>

namespace millrace::cql::wire {
namespace {

using store::CqlKind;
using store::CqlType;

enum ResultKind : int32_t {
  kVoid = 1,
  kRows = 2,
  kSetKeyspace = 3,
  kPrepared = 4,
  kSchemaChange = 5,
};

enum MetadataFlag : int32_t {
  kGlobalTable = 0x1,
  kMorePages = 0x2,
  kNoMetadata = 0x4,
  kMetadataChanged = 0x8,
};

constexpr int kTypeDepthMax = 16;
constexpr uint16_t kCustomId = 0x00;

// Types by their [option] id.
constexpr std::pair<uint16_t, CqlKind> kTypeIds[] = {
    {0x01, CqlKind::kAscii},   {0x02, CqlKind::kBigint},   {0x03, CqlKind::kBlob},
    {0x04, CqlKind::kBoolean}, {0x06, CqlKind::kDecimal},  {0x07, CqlKind::kDouble},
    {0x08, CqlKind::kFloat},   {0x09, CqlKind::kInt},      {0x0b, CqlKind::kTimestamp},
    {0x0c, CqlKind::kUuid},    {0x0d, CqlKind::kText},     {0x0d, CqlKind::kVarchar},
    {0x0e, CqlKind::kVarint},  {0x0f, CqlKind::kTimeuuid}, {0x10, CqlKind::kInet},
    {0x11, CqlKind::kDate},    {0x12, CqlKind::kTime},     {0x13, CqlKind::kSmallint},
    {0x14, CqlKind::kTinyint}, {0x20, CqlKind::kList},     {0x21, CqlKind::kMap},
    {0x22, CqlKind::kSet},     {0x30, CqlKind::kUserType}, {0x31, CqlKind::kTuple},
};

CqlType ReadTypeAt(ByteReader& from, std::string& foreign, int depth) {
  const auto id = from.Big<uint16_t>();
  if (depth > kTypeDepthMax) Spoil(from);
  if (id == kCustomId) {
    foreign = ReadString(from);
    return CqlType(CqlKind::kBlob);
  }
  const auto known = std::find_if(std::begin(kTypeIds), std::end(kTypeIds),
                                  [&](const auto& entry) { return entry.first == id; });
  if (known == std::end(kTypeIds)) {
    foreign = id == 0x05 ? "counter" : id == 0x15 ? "duration" : fmt::format("type {:#04x}", id);
    return CqlType(CqlKind::kBlob);
  }
  CqlType type(known->second);
  size_t arguments = 0;
  switch (type.kind) {
    case CqlKind::kList:
    case CqlKind::kSet:
      arguments = 1;
      break;
    case CqlKind::kMap:
      arguments = 2;
      break;
    case CqlKind::kTuple:
      arguments = from.Big<uint16_t>();
      break;
    case CqlKind::kUserType:
      ReadString(from);  // its keyspace
      type.name = ReadString(from);
      arguments = from.Big<uint16_t>();
      break;
    default:
      return type;
  }
  for (size_t i = 0; i < arguments && from.ok(); ++i) {
    if (type.kind == CqlKind::kUserType) type.field_names.emplace_back(ReadString(from));
    type.arguments.push_back(ReadTypeAt(from, foreign, depth + 1));
  }
  return type;
}

void AppendColumns(const std::vector<ColumnSpec>& columns, bool global, std::string& out) {
  if (global) {
    AppendString(out, columns[0].keyspace);
    AppendString(out, columns[0].table);
  }
  for (const ColumnSpec& column : columns) {
    if (!global) {
      AppendString(out, column.keyspace);
      AppendString(out, column.table);
    }
    AppendString(out, column.name);
    AppendType(column.type, column.keyspace, out);
  }
}

bool AreOfOneTable(const std::vector<ColumnSpec>& columns) {
  return !columns.empty() && std::ranges::all_of(columns, [&](const ColumnSpec& column) {
    return column.keyspace == columns[0].keyspace && column.table == columns[0].table;
  });
}

std::vector<ColumnSpec> ReadColumns(int32_t count, bool global, ByteReader& from) {
  std::vector<ColumnSpec> columns;
  std::string keyspace;
  std::string table;
  if (global) {
    keyspace = ReadString(from);
    table = ReadString(from);
  }
  for (int32_t i = 0; i < count && from.ok(); ++i) {
    ColumnSpec& column = columns.emplace_back();
    column.keyspace = global ? keyspace : std::string(ReadString(from));
    column.table = global ? table : std::string(ReadString(from));
    column.name = ReadString(from);
    column.type = ReadType(from, column.foreign_type);
  }
  return columns;
}

void AppendRowsMetadata(const RowsMetadata& metadata, std::string& out) {
  const bool global = AreOfOneTable(metadata.columns);
  int32_t flags = global ? kGlobalTable : 0;
  if (!metadata.paging_state.empty()) flags |= kMorePages;
  if (metadata.columns.empty()) flags |= kNoMetadata;
  if (!metadata.new_metadata_id.empty()) flags |= kMetadataChanged;
  AppendBig(out, flags);
  AppendBig(out, metadata.column_count);
  if (!metadata.paging_state.empty()) AppendBytes(out, metadata.paging_state);
  if (!metadata.new_metadata_id.empty()) AppendShortBytes(out, metadata.new_metadata_id);
  AppendColumns(metadata.columns, global, out);
}

RowsMetadata ReadRowsMetadata(ByteReader& from) {
  RowsMetadata metadata;
  const auto flags = from.Big<int32_t>();
  metadata.column_count = from.Big<int32_t>();
  if (metadata.column_count < 0 || metadata.column_count > UINT16_MAX) Spoil(from);
  if ((flags & kMorePages) != 0)
    metadata.paging_state = ReadBytes(from).value_or(std::string_view());
  if ((flags & kMetadataChanged) != 0) metadata.new_metadata_id = ReadShortBytes(from);
  if ((flags & kNoMetadata) != 0) return metadata;
  metadata.columns = ReadColumns(metadata.column_count, (flags & kGlobalTable) != 0, from);
  return metadata;
}

void AppendPrepared(const PreparedResult& prepared, uint8_t version, std::string& out) {
  AppendShortBytes(out, prepared.id);
  if (version >= 5) AppendShortBytes(out, prepared.result_metadata_id);
  const bool global = AreOfOneTable(prepared.variables);
  AppendBig(out, global ? int32_t{kGlobalTable} : int32_t{0});
  AppendBig(out, static_cast<int32_t>(prepared.variables.size()));
  AppendBig(out, static_cast<int32_t>(prepared.partition_key.size()));
  for (const uint16_t index : prepared.partition_key) AppendBig(out, index);
  AppendColumns(prepared.variables, global, out);
  AppendRowsMetadata(prepared.result, out);
}

PreparedResult ReadPrepared(uint8_t version, ByteReader& from) {
  PreparedResult prepared;
  prepared.id = ReadShortBytes(from);
  if (version >= 5) prepared.result_metadata_id = ReadShortBytes(from);
  const auto flags = from.Big<int32_t>();
  const auto variables = from.Big<int32_t>();
  const auto keys = from.Big<int32_t>();
  if (variables < 0 || keys < 0 || variables > UINT16_MAX || keys > variables) Spoil(from);
  for (int32_t i = 0; i < keys && from.ok(); ++i) {
    prepared.partition_key.push_back(from.Big<uint16_t>());
    if (prepared.partition_key.back() >= variables) Spoil(from);
  }
  prepared.variables = ReadColumns(variables, (flags & kGlobalTable) != 0, from);
  prepared.result = ReadRowsMetadata(from);
  return prepared;
}

RowsResult ReadRows(ByteReader& from) {
  RowsResult rows;
  rows.metadata = ReadRowsMetadata(from);
  rows.row_count = from.Big<int32_t>();
  const uint64_t cells = static_cast<uint64_t>(std::max(rows.row_count, 0)) *
                         static_cast<uint64_t>(std::max(rows.metadata.column_count, 0));
  // Each cell has 4 bytes at least; rows without columns are not told apart from none.
  if (rows.row_count < 0 || cells > from.remaining() / 4) Spoil(from);
  if (rows.metadata.column_count == 0) rows.row_count = 0;
  rows.cells = from.Rest();
  return rows;
}

struct ResultAppender {
  uint8_t version;
  std::string& out;

  void operator()(const VoidResult&) const { AppendBig(out, int32_t{kVoid}); }
  void operator()(const RowsResult& rows) const {
    AppendBig(out, int32_t{kRows});
    AppendRowsMetadata(rows.metadata, out);
    AppendBig(out, rows.row_count);
    out.append(rows.cells);
  }
  void operator()(const KeyspaceResult& result) const {
    AppendBig(out, int32_t{kSetKeyspace});
    AppendString(out, result.keyspace);
  }
  void operator()(const PreparedResult& prepared) const {
    AppendBig(out, int32_t{kPrepared});
    AppendPrepared(prepared, version, out);
  }
  void operator()(const SchemaChange& change) const {
    AppendBig(out, int32_t{kSchemaChange});
    AppendSchemaChange(change, out);
  }
};

}  // namespace

void AppendType(const CqlType& type, std::string_view keyspace, std::string& out) {
  const auto known = std::find_if(std::begin(kTypeIds), std::end(kTypeIds),
                                  [&](const auto& entry) { return entry.second == type.kind; });
  AppendBig(out, known->first);
  if (type.kind == CqlKind::kUserType) {
    AppendString(out, keyspace);
    AppendString(out, type.name);
  }
  if (type.kind == CqlKind::kUserType || type.kind == CqlKind::kTuple)
    AppendBig(out, static_cast<uint16_t>(type.arguments.size()));
  for (size_t i = 0; i < type.arguments.size(); ++i) {
    if (type.kind == CqlKind::kUserType) AppendString(out, type.field_names[i]);
    AppendType(type.arguments[i], keyspace, out);
  }
}

CqlType ReadType(ByteReader& from, std::string& foreign_type) {
  CqlType type = ReadTypeAt(from, foreign_type, 1);
  return foreign_type.empty() ? type : CqlType(CqlKind::kBlob);
}

void AppendResult(const ResultBody& result, uint8_t version, std::string& out) {
  std::visit(ResultAppender{version, out}, result);
}

ResultBody ReadResult(uint8_t version, ByteReader& from) {
  switch (from.Big<int32_t>()) {
    case kVoid:
      return VoidResult{};
    case kRows:
      return ReadRows(from);
    case kSetKeyspace:
      return KeyspaceResult{ReadString(from)};
    case kPrepared:
      return ReadPrepared(version, from);
    case kSchemaChange:
      return ReadSchemaChange(from);
    default:
      Spoil(from);
      return VoidResult{};
  }
}

void AppendSchemaChange(const SchemaChange& change, std::string& out) {
  AppendString(out, change.change);
  AppendString(out, change.target);
  AppendString(out, change.keyspace);
  if (change.target == "KEYSPACE") return;
  AppendString(out, change.name);
  if (change.target == "FUNCTION" || change.target == "AGGREGATE")
    AppendStringList(out, change.arguments);
}

SchemaChange ReadSchemaChange(ByteReader& from) {
  SchemaChange change;
  change.change = ReadString(from);
  change.target = ReadString(from);
  change.keyspace = ReadString(from);
  if (change.target == "KEYSPACE") return change;
  change.name = ReadString(from);
  if (change.target == "FUNCTION" || change.target == "AGGREGATE")
    change.arguments = ReadStringList(from);
  return change;
}

bool RowCursor::NextRow() {
  while (cells_left_ > 0 && from_.ok()) Cell();
  if (rows_left_ == 0 || !from_.ok()) return false;
  --rows_left_;
  cells_left_ = columns_;
  return true;
}

std::optional<std::string_view> RowCursor::Cell() {
  if (cells_left_ == 0) {
    Spoil(from_);
    return std::nullopt;
  }
  --cells_left_;
  return ReadBytes(from_);
}

}  // namespace millrace::cql::wire
