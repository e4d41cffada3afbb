#include "cql/wire/frame.h"

namespace millrace::cql::wire {
namespace {

constexpr uint8_t kResponseBit = 0x80;
constexpr size_t kLengthAt = 5;

}  // namespace

Result<FrameHeader> DecodeFrameHeader(std::string_view bytes, size_t body_bytes_max) {
  ByteReader from(bytes);
  FrameHeader header;
  const auto version = from.Big<uint8_t>();
  header.version = version & ~kResponseBit;
  header.response = (version & kResponseBit) != 0;
  header.flags = from.Big<uint8_t>();
  header.stream = from.Big<int16_t>();
  header.opcode = static_cast<Opcode>(from.Big<uint8_t>());
  header.body_bytes = from.Big<uint32_t>();
  if (!from.ok()) return Fail(ErrorCode::kDamaged, "a frame header of {} bytes", bytes.size());
  if (header.response ? !IsResponse(header.opcode) : !IsRequest(header.opcode)) {
    return Fail(ErrorCode::kDamaged,
                "no frame of the CQL protocol: version {:#04x}, opcode {:#04x}", version,
                static_cast<uint8_t>(header.opcode));
  }
  if (header.body_bytes > body_bytes_max) {
    return Fail(ErrorCode::kDamaged, "a frame of {} bytes, at most {} are taken", header.body_bytes,
                body_bytes_max);
  }
  return header;
}

size_t BeginFrame(const FrameHeader& header, std::string& out) {
  const size_t begin = out.size();
  out.push_back(static_cast<char>(header.version | (header.response ? kResponseBit : 0)));
  out.push_back(static_cast<char>(header.flags));
  AppendBig(out, header.stream);
  out.push_back(static_cast<char>(header.opcode));
  AppendBig(out, uint32_t{0});
  return begin;
}

void EndFrame(size_t begin, std::string& out) {
  StoreBig(out.data() + begin + kLengthAt,
           static_cast<uint32_t>(out.size() - begin - kFrameHeaderBytes));
}

FrameExtras ReadFrameExtras(const FrameHeader& header, ByteReader& from) {
  FrameExtras extras;
  if (header.response && (header.flags & kTracingFlag) != 0) extras.tracing_id = from.Bytes(16);
  if (header.response && (header.flags & kWarningFlag) != 0) extras.warnings = ReadStringList(from);
  if ((header.flags & kPayloadFlag) != 0) {
    const auto count = from.Big<uint16_t>();
    for (uint16_t i = 0; i < count && from.ok(); ++i) {
      std::string name(ReadString(from));
      extras.payload.emplace_back(std::move(name),
                                  std::string(ReadBytes(from).value_or(std::string_view())));
    }
  }
  return extras;
}

}  // namespace millrace::cql::wire
