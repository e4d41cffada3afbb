#include "cql/wire/protocol.h"

#include <array>
#include <utility>

namespace millrace::cql::wire {
namespace {

constexpr std::array<std::string_view, 11> kConsistencies = {
    "any",          "one",         "two",    "three",        "quorum",   "all",
    "local_quorum", "each_quorum", "serial", "local_serial", "local_one"};

constexpr std::pair<ErrorKind, std::string_view> kErrorNames[] = {
    {ErrorKind::kServer, "server error"},
    {ErrorKind::kProtocol, "protocol error"},
    {ErrorKind::kBadCredentials, "bad credentials"},
    {ErrorKind::kUnavailable, "unavailable"},
    {ErrorKind::kOverloaded, "overloaded"},
    {ErrorKind::kBootstrapping, "bootstrapping"},
    {ErrorKind::kTruncate, "truncate error"},
    {ErrorKind::kWriteTimeout, "write timeout"},
    {ErrorKind::kReadTimeout, "read timeout"},
    {ErrorKind::kReadFailure, "read failure"},
    {ErrorKind::kFunctionFailure, "function failure"},
    {ErrorKind::kWriteFailure, "write failure"},
    {ErrorKind::kCdcWriteFailure, "cdc write failure"},
    {ErrorKind::kCasWriteUnknown, "cas write unknown"},
    {ErrorKind::kSyntax, "syntax error"},
    {ErrorKind::kUnauthorized, "unauthorized"},
    {ErrorKind::kInvalid, "invalid"},
    {ErrorKind::kConfiguration, "configuration error"},
    {ErrorKind::kAlreadyExists, "already exists"},
    {ErrorKind::kUnprepared, "unprepared"},
};

}  // namespace

bool IsRequest(Opcode opcode) {
  switch (opcode) {
    case Opcode::kStartup:
    case Opcode::kOptions:
    case Opcode::kQuery:
    case Opcode::kPrepare:
    case Opcode::kExecute:
    case Opcode::kRegister:
    case Opcode::kBatch:
    case Opcode::kAuthResponse:
      return true;
    default:
      return false;
  }
}

bool IsResponse(Opcode opcode) {
  switch (opcode) {
    case Opcode::kError:
    case Opcode::kReady:
    case Opcode::kAuthenticate:
    case Opcode::kSupported:
    case Opcode::kResult:
    case Opcode::kEvent:
    case Opcode::kAuthChallenge:
    case Opcode::kAuthSuccess:
      return true;
    default:
      return false;
  }
}

std::string_view ConsistencyName(Consistency consistency) {
  const auto at = static_cast<size_t>(consistency);
  return at < kConsistencies.size() ? kConsistencies[at] : "unknown";
}

std::optional<Consistency> ConsistencyOf(std::string_view name) {
  for (size_t i = 0; i < kConsistencies.size(); ++i) {
    if (kConsistencies[i] == name) return static_cast<Consistency>(i);
  }
  return std::nullopt;
}

std::string_view ErrorKindName(ErrorKind kind) {
  for (const auto& [known, name] : kErrorNames) {
    if (known == kind) return name;
  }
  return "unknown error";
}

}  // namespace millrace::cql::wire
