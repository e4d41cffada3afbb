#include "cql/wire/request.h"

#include "base/check.h"

namespace millrace::cql::wire {
namespace {

enum ParameterFlag : uint32_t {
  kValues = 0x001,
  kSkipMetadata = 0x002,
  kPageSize = 0x004,
  kPagingState = 0x008,
  kSerialConsistency = 0x010,
  kWriteTime = 0x020,
  kNames = 0x040,
  kKeyspace = 0x080,
  kNow = 0x100,
};
constexpr uint32_t kKnownFlags = 0x1ff;
constexpr uint32_t kPrepareKeyspace = 0x01;
// Of BATCH: no values, names or pages.
constexpr uint32_t kBatchFlags = kSerialConsistency | kWriteTime | kKeyspace | kNow;

void AppendFlags(uint32_t flags, uint8_t version, std::string& out) {
  if (version >= 5) {
    AppendBig(out, flags);
  } else {
    out.push_back(static_cast<char>(flags));
  }
}

uint32_t ReadFlags(uint8_t version, ByteReader& from) {
  return version >= 5 ? from.Big<uint32_t>() : from.Big<uint8_t>();
}

uint32_t FlagsOf(const QueryParameters& parameters, uint8_t version) {
  uint32_t flags = 0;
  if (parameters.value_count > 0) flags |= kValues;
  if (parameters.value_count > 0 && parameters.named) flags |= kNames;
  if (parameters.skip_metadata) flags |= kSkipMetadata;
  if (parameters.page_rows > 0) flags |= kPageSize;
  if (!parameters.paging_state.empty()) flags |= kPagingState;
  if (parameters.serial_consistency) flags |= kSerialConsistency;
  if (parameters.write_us) flags |= kWriteTime;
  if (version >= 5 && !parameters.keyspace.empty()) flags |= kKeyspace;
  if (version >= 5 && parameters.now_s) flags |= kNow;
  return flags;
}

// What follows values and pages; BATCH has only this.
void AppendTail(const QueryParameters& parameters, uint32_t flags, std::string& out) {
  if ((flags & kSerialConsistency) != 0)
    AppendBig(out, static_cast<uint16_t>(*parameters.serial_consistency));
  if ((flags & kWriteTime) != 0) AppendBig(out, *parameters.write_us);
  if ((flags & kKeyspace) != 0) AppendString(out, parameters.keyspace);
  if ((flags & kNow) != 0) AppendBig(out, *parameters.now_s);
}

void ReadTail(uint32_t flags, ByteReader& from, QueryParameters& parameters) {
  if ((flags & kSerialConsistency) != 0)
    parameters.serial_consistency = static_cast<Consistency>(from.Big<uint16_t>());
  if ((flags & kWriteTime) != 0) parameters.write_us = from.Big<int64_t>();
  if ((flags & kKeyspace) != 0) parameters.keyspace = ReadString(from);
  if ((flags & kNow) != 0) parameters.now_s = from.Big<int32_t>();
}

void AppendParameters(const QueryParameters& parameters, uint8_t version, std::string& out) {
  const uint32_t flags = FlagsOf(parameters, version);
  AppendBig(out, static_cast<uint16_t>(parameters.consistency));
  AppendFlags(flags, version, out);
  if ((flags & kValues) != 0) {
    AppendBig(out, parameters.value_count);
    out.append(parameters.values);
  }
  if ((flags & kPageSize) != 0) AppendBig(out, parameters.page_rows);
  if ((flags & kPagingState) != 0) AppendBytes(out, parameters.paging_state);
  AppendTail(parameters, flags, out);
}

QueryParameters ReadParameters(uint8_t version, ByteReader& from) {
  QueryParameters parameters;
  parameters.consistency = static_cast<Consistency>(from.Big<uint16_t>());
  const uint32_t flags = ReadFlags(version, from);
  if ((flags & ~kKnownFlags) != 0 || (version < 5 && (flags & (kKeyspace | kNow)) != 0)) {
    Spoil(from);
    return parameters;
  }
  if ((flags & kValues) != 0) {
    parameters.value_count = from.Big<uint16_t>();
    parameters.named = (flags & kNames) != 0;
    parameters.values = ReadValues(from, parameters.value_count, parameters.named);
  }
  parameters.skip_metadata = (flags & kSkipMetadata) != 0;
  if ((flags & kPageSize) != 0) parameters.page_rows = from.Big<int32_t>();
  if ((flags & kPagingState) != 0)
    parameters.paging_state = ReadBytes(from).value_or(std::string_view());
  ReadTail(flags, from, parameters);
  return parameters;
}

struct BodyAppender {
  uint8_t version;
  std::string& out;

  void operator()(const OptionsRequest&) const {}
  void operator()(const StartupRequest& request) const { AppendStringMap(out, request.options); }
  void operator()(const AuthResponse& request) const { AppendBytes(out, request.token); }
  void operator()(const QueryRequest& request) const {
    AppendLongString(out, request.text);
    AppendParameters(request.parameters, version, out);
  }
  void operator()(const PrepareRequest& request) const {
    AppendLongString(out, request.text);
    if (version < 5) return;
    AppendBig(out, request.keyspace.empty() ? 0 : kPrepareKeyspace);
    if (!request.keyspace.empty()) AppendString(out, request.keyspace);
  }
  void operator()(const ExecuteRequest& request) const {
    AppendShortBytes(out, request.id);
    if (version >= 5) AppendShortBytes(out, request.result_metadata_id);
    AppendParameters(request.parameters, version, out);
  }
  void operator()(const BatchRequest& request) const {
    MR_CHECK(request.statements.size() <= UINT16_MAX, "a BATCH holds at most 65535 statements");
    out.push_back(static_cast<char>(request.type));
    AppendBig(out, static_cast<uint16_t>(request.statements.size()));
    for (const BatchStatement& statement : request.statements) {
      out.push_back(statement.prepared ? 1 : 0);
      if (statement.prepared) {
        AppendShortBytes(out, statement.what);
      } else {
        AppendLongString(out, statement.what);
      }
      AppendBig(out, statement.value_count);
      out.append(statement.values);
    }
    const uint32_t flags = FlagsOf(request.parameters, version) & kBatchFlags;
    AppendBig(out, static_cast<uint16_t>(request.parameters.consistency));
    AppendFlags(flags, version, out);
    AppendTail(request.parameters, flags, out);
  }
  void operator()(const RegisterRequest& request) const { AppendStringList(out, request.events); }
};

constexpr Opcode kOpcodes[] = {Opcode::kOptions, Opcode::kStartup, Opcode::kAuthResponse,
                               Opcode::kQuery,   Opcode::kPrepare, Opcode::kExecute,
                               Opcode::kBatch,   Opcode::kRegister};
static_assert(std::size(kOpcodes) == std::variant_size_v<Request>);

PrepareRequest ReadPrepare(uint8_t version, ByteReader& from) {
  PrepareRequest request{.text = ReadLongString(from)};
  if (version < 5) return request;
  const auto flags = from.Big<uint32_t>();
  if ((flags & ~kPrepareKeyspace) != 0) Spoil(from);
  if ((flags & kPrepareKeyspace) != 0) request.keyspace = ReadString(from);
  return request;
}

ExecuteRequest ReadExecute(uint8_t version, ByteReader& from) {
  ExecuteRequest request;
  request.id = ReadShortBytes(from);
  if (version >= 5) request.result_metadata_id = ReadShortBytes(from);
  request.parameters = ReadParameters(version, from);
  return request;
}

BatchRequest ReadBatch(uint8_t version, ByteReader& from) {
  BatchRequest request;
  const auto type = from.Big<uint8_t>();
  if (type > static_cast<uint8_t>(BatchType::kCounter)) Spoil(from);
  request.type = static_cast<BatchType>(type);
  const auto count = from.Big<uint16_t>();
  for (uint16_t i = 0; i < count && from.ok(); ++i) {
    BatchStatement statement;
    const auto kind = from.Big<uint8_t>();
    if (kind > 1) Spoil(from);
    statement.prepared = kind == 1;
    statement.what = statement.prepared ? ReadShortBytes(from) : ReadLongString(from);
    statement.value_count = from.Big<uint16_t>();
    statement.values = ReadValues(from, statement.value_count, false);
    request.statements.push_back(statement);
  }
  request.parameters.consistency = static_cast<Consistency>(from.Big<uint16_t>());
  const uint32_t flags = ReadFlags(version, from);
  if ((flags & ~kBatchFlags) != 0 || (version < 5 && (flags & (kKeyspace | kNow)) != 0))
    Spoil(from);
  ReadTail(flags, from, request.parameters);
  return request;
}

Request ReadRequest(const FrameHeader& header, ByteReader& from) {
  switch (header.opcode) {
    case Opcode::kStartup:
      return StartupRequest{ReadStringMap(from)};
    case Opcode::kAuthResponse:
      return AuthResponse{ReadBytes(from)};
    case Opcode::kQuery: {
      QueryRequest request{.text = ReadLongString(from), .parameters = {}};
      request.parameters = ReadParameters(header.version, from);
      return request;
    }
    case Opcode::kPrepare:
      return ReadPrepare(header.version, from);
    case Opcode::kExecute:
      return ReadExecute(header.version, from);
    case Opcode::kBatch:
      return ReadBatch(header.version, from);
    case Opcode::kRegister:
      return RegisterRequest{ReadStringList(from)};
    default:
      if (header.opcode != Opcode::kOptions) Spoil(from);
      return OptionsRequest{};
  }
}

}  // namespace

void AppendRequest(const Request& request, uint8_t version, int16_t stream, std::string& out) {
  const size_t begin =
      BeginFrame({.version = version, .stream = stream, .opcode = kOpcodes[request.index()]}, out);
  std::visit(BodyAppender{version, out}, request);
  EndFrame(begin, out);
}

Result<Request> DecodeRequest(const FrameHeader& header, std::string_view body) {
  ByteReader from(body);
  ReadFrameExtras(header, from);
  Request request = ReadRequest(header, from);
  if (from.ok() && from.remaining() == 0) return request;
  return Fail(ErrorCode::kInvalidArgument, "a malformed request: opcode {:#04x}, {} bytes",
              static_cast<uint8_t>(header.opcode), body.size());
}

}  // namespace millrace::cql::wire
