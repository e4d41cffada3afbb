// The numbers of Cassandra's native protocol, versions 4 and 5
// (https://cassandra.apache.org/doc/latest/cassandra/reference/native-protocol.html), and the
// bounds every decoder here keeps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace millrace::cql::wire {

inline constexpr uint8_t kVersionLeast = 4;
inline constexpr uint8_t kVersionMost = 5;

inline constexpr size_t kFrameHeaderBytes = 9;
// The protocol's own bound of a frame's body. Decoders take a smaller one from their caller.
inline constexpr size_t kBodyBytesMax = size_t{256} << 20;
inline constexpr size_t kSegmentPayloadMax = 131071;  // 17 bits

enum class Opcode : uint8_t {
  kError = 0x00,
  kStartup = 0x01,
  kReady = 0x02,
  kAuthenticate = 0x03,
  kOptions = 0x05,
  kSupported = 0x06,
  kQuery = 0x07,
  kResult = 0x08,
  kPrepare = 0x09,
  kExecute = 0x0a,
  kRegister = 0x0b,
  kEvent = 0x0c,
  kBatch = 0x0d,
  kAuthChallenge = 0x0e,
  kAuthResponse = 0x0f,
  kAuthSuccess = 0x10,
};
bool IsRequest(Opcode opcode);
bool IsResponse(Opcode opcode);

// Bits of a frame header's flags.
inline constexpr uint8_t kCompressedFlag = 0x01;
inline constexpr uint8_t kTracingFlag = 0x02;
inline constexpr uint8_t kPayloadFlag = 0x04;
inline constexpr uint8_t kWarningFlag = 0x08;

enum class Consistency : uint16_t {
  kAny = 0,
  kOne = 1,
  kTwo = 2,
  kThree = 3,
  kQuorum = 4,
  kAll = 5,
  kLocalQuorum = 6,
  kEachQuorum = 7,
  kSerial = 8,
  kLocalSerial = 9,
  kLocalOne = 10,
};
std::string_view ConsistencyName(Consistency consistency);  // "local_quorum"
std::optional<Consistency> ConsistencyOf(std::string_view name);

// What an ERROR says (section 9 of the specification).
enum class ErrorKind : int32_t {
  kServer = 0x0000,
  kProtocol = 0x000a,
  kBadCredentials = 0x0100,
  kUnavailable = 0x1000,
  kOverloaded = 0x1001,
  kBootstrapping = 0x1002,
  kTruncate = 0x1003,
  kWriteTimeout = 0x1100,
  kReadTimeout = 0x1200,
  kReadFailure = 0x1300,
  kFunctionFailure = 0x1400,
  kWriteFailure = 0x1500,
  kCdcWriteFailure = 0x1600,
  kCasWriteUnknown = 0x1700,
  kSyntax = 0x2000,
  kUnauthorized = 0x2100,
  kInvalid = 0x2200,
  kConfiguration = 0x2300,
  kAlreadyExists = 0x2400,
  kUnprepared = 0x2500,
};
std::string_view ErrorKindName(ErrorKind kind);  // "write timeout"

}  // namespace millrace::cql::wire
