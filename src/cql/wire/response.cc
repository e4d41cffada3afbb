#include "cql/wire/response.h"

#include <algorithm>

namespace millrace::cql::wire {
namespace {

constexpr size_t kMessageBytesMax = UINT16_MAX;

bool IsFailure(ErrorKind kind) {
  return kind == ErrorKind::kReadFailure || kind == ErrorKind::kWriteFailure;
}
bool IsRead(ErrorKind kind) {
  return kind == ErrorKind::kReadTimeout || kind == ErrorKind::kReadFailure;
}

void AppendReplicas(const ErrorResponse& error, uint8_t version, std::string& out) {
  AppendBig(out, static_cast<uint16_t>(error.consistency));
  if (error.kind == ErrorKind::kUnavailable) {
    AppendBig(out, error.required);
    AppendBig(out, error.received);
    return;
  }
  AppendBig(out, error.received);
  AppendBig(out, error.required);
  if (error.kind == ErrorKind::kCasWriteUnknown) return;
  if (IsFailure(error.kind)) {
    AppendBig(out, version >= 5 ? static_cast<int32_t>(error.reasons.size()) : error.failures);
    for (size_t i = 0; version >= 5 && i < error.reasons.size(); ++i) {
      AppendAddress(out, error.reasons[i].first);
      AppendBig(out, error.reasons[i].second);
    }
  }
  if (IsRead(error.kind)) {
    out.push_back(error.data_present ? 1 : 0);
    return;
  }
  AppendString(out, error.write_type);
  if (version >= 5 && error.kind == ErrorKind::kWriteTimeout && error.write_type == "CAS")
    AppendBig(out, error.contentions);
}

void ReadReplicas(uint8_t version, ByteReader& from, ErrorResponse& error) {
  error.consistency = static_cast<Consistency>(from.Big<uint16_t>());
  if (error.kind == ErrorKind::kUnavailable) {
    error.required = from.Big<int32_t>();
    error.received = from.Big<int32_t>();
    return;
  }
  error.received = from.Big<int32_t>();
  error.required = from.Big<int32_t>();
  if (error.kind == ErrorKind::kCasWriteUnknown) return;
  if (IsFailure(error.kind)) {
    error.failures = from.Big<int32_t>();
    if (error.failures < 0) Spoil(from);
    for (int32_t i = 0; version >= 5 && i < error.failures && from.ok(); ++i) {
      std::string address = ReadAddress(from);
      error.reasons.emplace_back(std::move(address), from.Big<uint16_t>());
    }
  }
  if (IsRead(error.kind)) {
    error.data_present = from.Big<uint8_t>() != 0;
    return;
  }
  error.write_type = ReadString(from);
  if (version >= 5 && error.kind == ErrorKind::kWriteTimeout && error.write_type == "CAS")
    error.contentions = from.Big<uint16_t>();
}

void AppendError(const ErrorResponse& error, uint8_t version, std::string& out) {
  AppendBig(out, static_cast<int32_t>(error.kind));
  AppendString(out, error.message.substr(0, kMessageBytesMax));
  switch (error.kind) {
    case ErrorKind::kUnavailable:
    case ErrorKind::kWriteTimeout:
    case ErrorKind::kReadTimeout:
    case ErrorKind::kReadFailure:
    case ErrorKind::kWriteFailure:
    case ErrorKind::kCasWriteUnknown:
      return AppendReplicas(error, version, out);
    case ErrorKind::kFunctionFailure:
      AppendString(out, error.keyspace);
      AppendString(out, error.name);
      return AppendStringList(out, error.arguments);
    case ErrorKind::kAlreadyExists:
      AppendString(out, error.keyspace);
      return AppendString(out, error.name);
    case ErrorKind::kUnprepared:
      return AppendShortBytes(out, error.prepared_id);
    default:
      return;
  }
}

ErrorResponse ReadError(uint8_t version, ByteReader& from) {
  ErrorResponse error;
  error.kind = static_cast<ErrorKind>(from.Big<int32_t>());
  error.message = ReadString(from);
  switch (error.kind) {
    case ErrorKind::kUnavailable:
    case ErrorKind::kWriteTimeout:
    case ErrorKind::kReadTimeout:
    case ErrorKind::kReadFailure:
    case ErrorKind::kWriteFailure:
    case ErrorKind::kCasWriteUnknown:
      ReadReplicas(version, from, error);
      break;
    case ErrorKind::kFunctionFailure:
      error.keyspace = ReadString(from);
      error.name = ReadString(from);
      error.arguments = ReadStringList(from);
      break;
    case ErrorKind::kAlreadyExists:
      error.keyspace = ReadString(from);
      error.name = ReadString(from);
      break;
    case ErrorKind::kUnprepared:
      error.prepared_id = ReadShortBytes(from);
      break;
    default:
      break;
  }
  return error;
}

void AppendEvent(const EventResponse& event, std::string& out) {
  AppendString(out, event.type);
  if (event.type == "SCHEMA_CHANGE") return AppendSchemaChange(event.schema, out);
  AppendString(out, event.change);
  AppendAddress(out, event.address);
  AppendBig(out, event.port);
}

EventResponse ReadEvent(ByteReader& from) {
  EventResponse event;
  event.type = ReadString(from);
  if (event.type == "SCHEMA_CHANGE") {
    event.schema = ReadSchemaChange(from);
    return event;
  }
  event.change = ReadString(from);
  event.address = ReadAddress(from);
  event.port = from.Big<int32_t>();
  return event;
}

struct BodyAppender {
  uint8_t version;
  std::string& out;

  void operator()(const ErrorResponse& error) const { AppendError(error, version, out); }
  void operator()(const ReadyResponse&) const {}
  void operator()(const AuthenticateResponse& response) const {
    AppendString(out, response.authenticator);
  }
  void operator()(const SupportedResponse& response) const {
    AppendStringMultimap(out, response.options);
  }
  void operator()(const ResultBody& result) const { AppendResult(result, version, out); }
  void operator()(const EventResponse& event) const { AppendEvent(event, out); }
  void operator()(const AuthChallenge& response) const { AppendBytes(out, response.token); }
  void operator()(const AuthSuccess& response) const { AppendBytes(out, response.token); }
};

constexpr Opcode kOpcodes[] = {Opcode::kError,         Opcode::kReady,      Opcode::kAuthenticate,
                               Opcode::kSupported,     Opcode::kResult,     Opcode::kEvent,
                               Opcode::kAuthChallenge, Opcode::kAuthSuccess};
static_assert(std::size(kOpcodes) == std::variant_size_v<Response>);

Response ReadResponse(const FrameHeader& header, ByteReader& from) {
  switch (header.opcode) {
    case Opcode::kError:
      return ReadError(header.version, from);
    case Opcode::kAuthenticate:
      return AuthenticateResponse{ReadString(from)};
    case Opcode::kSupported:
      return SupportedResponse{ReadStringMultimap(from)};
    case Opcode::kResult:
      return ReadResult(header.version, from);
    case Opcode::kEvent:
      return ReadEvent(from);
    case Opcode::kAuthChallenge:
      return AuthChallenge{ReadBytes(from)};
    case Opcode::kAuthSuccess:
      return AuthSuccess{ReadBytes(from)};
    default:
      if (header.opcode != Opcode::kReady) Spoil(from);
      return ReadyResponse{};
  }
}

}  // namespace

void AppendResponse(const Response& response, uint8_t version, int16_t stream, std::string& out,
                    const std::vector<std::string>& warnings) {
  const size_t begin = BeginFrame({.version = version,
                                   .response = true,
                                   .flags = warnings.empty() ? uint8_t{0} : kWarningFlag,
                                   .stream = stream,
                                   .opcode = kOpcodes[response.index()]},
                                  out);
  if (!warnings.empty()) AppendStringList(out, warnings);
  std::visit(BodyAppender{version, out}, response);
  EndFrame(begin, out);
}

Result<Response> DecodeResponse(const FrameHeader& header, std::string_view body,
                                FrameExtras* extras) {
  ByteReader from(body);
  FrameExtras read = ReadFrameExtras(header, from);
  if (extras != nullptr) *extras = std::move(read);
  Response response = ReadResponse(header, from);
  // What newer servers append to a message is not ours to refuse.
  if (from.ok()) return response;
  return Fail(ErrorCode::kDamaged, "a malformed response: opcode {:#04x}, {} bytes",
              static_cast<uint8_t>(header.opcode), body.size());
}

}  // namespace millrace::cql::wire
