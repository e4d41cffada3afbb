#include "log/framed_file.h"

#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"

namespace millrace::log {

std::string FrameBody(std::string_view name, uint32_t version, std::string_view body) {
  MR_CHECK(name.size() == 4, "a frame's name has 4 characters");
  std::string bytes(name);
  AppendLittle(bytes, version);
  AppendLittle(bytes, static_cast<uint32_t>(body.size()));
  bytes += body;
  AppendLittle(bytes, Crc32c(bytes));
  return bytes;
}

Result<std::string_view> UnframeBody(std::string_view name, uint32_t version,
                                     std::string_view bytes) {
  constexpr size_t kFrame = 16;
  if (bytes.size() < kFrame || !bytes.starts_with(name))
    return Fail(ErrorCode::kDamaged, "{} bytes that are no {} file", bytes.size(), name);
  const std::string_view covered = bytes.substr(0, bytes.size() - 4);
  if (Crc32c(covered) != LoadLittle<uint32_t>(bytes.data() + covered.size()))
    return Fail(ErrorCode::kDamaged, "checksum of a {} file does not fit", name);
  if (const auto stored = LoadLittle<uint32_t>(bytes.data() + 4); stored != version) {
    return Fail(ErrorCode::kUnsupported, "{} file of version {}, this program knows {}", name,
                stored, version);
  }
  if (LoadLittle<uint32_t>(bytes.data() + 8) != bytes.size() - kFrame)
    return Fail(ErrorCode::kDamaged, "length of a {} file does not fit", name);
  return bytes.substr(12, bytes.size() - kFrame);
}

}  // namespace millrace::log
