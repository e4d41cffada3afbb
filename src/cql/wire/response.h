// Responses (section 4.2 of the specification): what a server sends, and what a client reads.
// RESULT's inside is in result.h. Views of a decoded response point into the frame's body.
//
// Thread contract: functions without state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "cql/wire/frame.h"
#include "cql/wire/result.h"

namespace millrace::cql::wire {

// The fields behind the message belong to some kinds only; others leave them as they are.
struct ErrorResponse {
  ErrorKind kind = ErrorKind::kServer;
  std::string_view message{};
  // Unavailable, time-outs, failures, CAS unknown.
  Consistency consistency = Consistency::kAny;
  int32_t received = 0;  // unavailable: replicas alive
  int32_t required = 0;
  std::string_view write_type{};  // write time-outs and failures: "SIMPLE", "UNLOGGED_BATCH", ...
  bool data_present = false;      // read time-outs and failures
  // Failures: their number (v4) or address and reason of each (v5).
  int32_t failures = 0;
  std::vector<std::pair<std::string, uint16_t>> reasons{};
  uint16_t contentions = 0;  // write time-out of a CAS, v5
  // Already exists and function failure: keyspace, and table or function.
  std::string_view keyspace{};
  std::string_view name{};
  std::vector<std::string> arguments{};  // function failure
  std::string_view prepared_id{};        // unprepared
};

struct ReadyResponse {};

struct AuthenticateResponse {
  std::string_view authenticator;
};

struct SupportedResponse {
  StringLists options;  // "CQL_VERSION", "COMPRESSION", "PROTOCOL_VERSIONS"
};

struct AuthChallenge {
  std::optional<std::string_view> token;
};

struct AuthSuccess {
  std::optional<std::string_view> token;
};

// TOPOLOGY_CHANGE and STATUS_CHANGE of a node, or SCHEMA_CHANGE.
struct EventResponse {
  std::string_view type;
  std::string_view change{};  // NEW_NODE, REMOVED_NODE, UP, DOWN
  std::string address{};      // 4 or 16 bytes
  int32_t port = 0;
  SchemaChange schema{};
};

using Response = std::variant<ErrorResponse, ReadyResponse, AuthenticateResponse, SupportedResponse,
                              ResultBody, EventResponse, AuthChallenge, AuthSuccess>;

// Appends a whole frame, to be sent through a FrameEncoder. `warnings` come before the body.
void AppendResponse(const Response& response, uint8_t version, int16_t stream, std::string& out,
                    const std::vector<std::string>& warnings = {});

// kDamaged: the body is not what its opcode says. `extras` (may be null) gets warnings and payload.
Result<Response> DecodeResponse(const FrameHeader& header, std::string_view body,
                                FrameExtras* extras = nullptr);

}  // namespace millrace::cql::wire
