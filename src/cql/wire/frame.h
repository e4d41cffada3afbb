// Frames: header and body of one message (section 2 of the specification; version 5 calls them
// envelopes).
//
//   version, 1 byte (bit 7: response) | flags, 1 | stream, 2 | opcode, 1 | body length, 4 | body
//
//   const size_t at = BeginFrame({.version = 4, .stream = 7, .opcode = Opcode::kOptions}, out);
//   ... append the body ...
//   EndFrame(at, out);
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cql/wire/notation.h"
#include "cql/wire/protocol.h"

namespace millrace::cql::wire {

struct FrameHeader {
  uint8_t version = kVersionMost;
  bool response = false;
  uint8_t flags = 0;
  int16_t stream = 0;  // of events: -1
  Opcode opcode = Opcode::kOptions;
  uint32_t body_bytes = 0;
};

// Reads the 9 bytes of a header. kDamaged: not a frame of this protocol, or a body of more than
// `body_bytes_max`. Any version number is let through: who answers decides.
Result<FrameHeader> DecodeFrameHeader(std::string_view bytes, size_t body_bytes_max);

// Appends a header whose length is filled in by EndFrame; returns where the frame begins.
size_t BeginFrame(const FrameHeader& header, std::string& out);
void EndFrame(size_t begin, std::string& out);

// What a body begins with by the header's flags, in the protocol's order. Reads it off `from`.
struct FrameExtras {
  std::string_view tracing_id{};  // 16 bytes; responses only
  std::vector<std::string> warnings{};
  std::vector<std::pair<std::string, std::string>> payload{};  // custom payload
};
FrameExtras ReadFrameExtras(const FrameHeader& header, ByteReader& from);

}  // namespace millrace::cql::wire
