#include "flow/types.h"

#include "base/bytes.h"

namespace millrace::flow {

std::string ToString(const Origin& origin) {
  return fmt::format("{}/{}@{}", origin.topic, origin.partition, origin.offset);
}

Result<std::vector<Header>> DecodeHeaders(std::string_view raw) {
  std::vector<Header> headers;
  if (raw.empty()) return headers;
  ByteReader reader(raw);
  const int64_t count = reader.SignedVarint();
  for (int64_t i = 0; i < count && reader.ok(); ++i) {
    Header header;
    const int64_t key_size = reader.SignedVarint();
    header.key = reader.Bytes(key_size < 0 ? 0 : static_cast<uint64_t>(key_size));
    const int64_t value_size = reader.SignedVarint();
    header.value = reader.Bytes(value_size < 0 ? 0 : static_cast<uint64_t>(value_size));
    headers.push_back(std::move(header));
  }
  if (!reader.ok() || count < 0)
    return Fail(ErrorCode::kDamaged, "record headers end early: {} bytes", raw.size());
  return headers;
}

}  // namespace millrace::flow
