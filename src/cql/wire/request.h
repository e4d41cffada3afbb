// Requests (section 4.1 of the specification): what a client sends, and what a server reads.
//
// Values are carried in their encoded form, `count` [value]s one after the other (AppendBytes makes
// them): an encoder copies them as one piece and a decoder points into the frame. All views of a
// decoded request point into the frame's body.
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

namespace millrace::cql::wire {

struct OptionsRequest {};

struct StartupRequest {
  StringPairs options;  // "CQL_VERSION" -> "3.0.0", "COMPRESSION" -> "lz4", ...
};

struct AuthResponse {
  std::optional<std::string_view> token;
};

// What a QUERY, an EXECUTE and (without values and pages) a BATCH say beside the statement.
struct QueryParameters {
  Consistency consistency = Consistency::kLocalQuorum;
  uint16_t value_count = 0;
  bool named = false;         // each value behind its name; not for EXECUTE's bound variables
  std::string_view values{};  // encoded
  bool skip_metadata = false;
  int32_t page_rows = 0;            // 0: all in one page
  std::string_view paging_state{};  // empty: the first page
  std::optional<Consistency> serial_consistency{};
  std::optional<int64_t> write_us{};  // default write time
  std::string_view keyspace{};        // v5
  std::optional<int32_t> now_s{};     // v5
};

struct QueryRequest {
  std::string_view text;
  QueryParameters parameters;
};

struct PrepareRequest {
  std::string_view text;
  std::string_view keyspace{};  // v5
};

struct ExecuteRequest {
  std::string_view id;
  std::string_view result_metadata_id{};  // v5
  QueryParameters parameters;
};

enum class BatchType : uint8_t { kLogged = 0, kUnlogged = 1, kCounter = 2 };

struct BatchStatement {
  bool prepared = true;
  std::string_view what;  // prepared id, or the text
  uint16_t value_count = 0;
  std::string_view values{};
};

struct BatchRequest {
  BatchType type = BatchType::kUnlogged;
  std::vector<BatchStatement> statements;  // at most 65535
  QueryParameters parameters;              // consistencies, write_us, keyspace and now_s
};

struct RegisterRequest {
  std::vector<std::string> events;  // "TOPOLOGY_CHANGE", "STATUS_CHANGE", "SCHEMA_CHANGE"
};

using Request = std::variant<OptionsRequest, StartupRequest, AuthResponse, QueryRequest,
                             PrepareRequest, ExecuteRequest, BatchRequest, RegisterRequest>;

// Appends a whole frame, to be sent through a FrameEncoder.
void AppendRequest(const Request& request, uint8_t version, int16_t stream, std::string& out);

// `header.version` is 4 or 5. kInvalidArgument: the body is not what its opcode says.
Result<Request> DecodeRequest(const FrameHeader& header, std::string_view body);

}  // namespace millrace::cql::wire
