// Digests and names: md5, sha1, sha2, crc32, uuid_v5.

#include <optional>
#include <span>
#include <string>

#include "base/digest.h"
#include "base/uuid.h"
#include "engine/functions/lists.h"
#include "engine/functions/loops.h"

namespace millrace::engine {
namespace {

using data::ColumnPtr;
using Text = std::string_view;

constexpr char kHex[] = "0123456789abcdef";

Text HexDigest(DigestKind kind, Text input, Cell& cell) {
  const DigestBytes digest = DigestOf(kind, input);
  char* to = cell.arena().Allocate(digest.size * 2);
  for (size_t i = 0; i < digest.size; ++i) {
    const auto byte = static_cast<uint8_t>(digest.bytes[i]);
    to[i * 2] = kHex[byte >> 4];
    to[i * 2 + 1] = kHex[byte & 15];
  }
  return {to, digest.size * 2};
}

template <DigestKind kKind>
ColumnPtr HexOf(KernelCall& call) {
  return Map<Text, Text>(call,
                         [](Text input, Cell& cell) { return HexDigest(kKind, input, cell); });
}

std::optional<DigestKind> Sha2Of(int32_t bits) {
  switch (bits) {
    case 224:
      return DigestKind::kSha224;
    case 0:
    case 256:
      return DigestKind::kSha256;
    case 384:
      return DigestKind::kSha384;
    case 512:
      return DigestKind::kSha512;
    default:
      return std::nullopt;
  }
}

ColumnPtr Sha2(KernelCall& call) {
  return Map<Text, Text, int32_t>(call, [](Text input, int32_t bits, Cell& cell) -> Text {
    if (const auto kind = Sha2Of(bits)) return HexDigest(*kind, input, cell);
    cell.SetNull();
    return {};
  });
}

ColumnPtr Crc32Of(KernelCall& call) { return Map<int64_t, Text>(call, Crc32); }

ColumnPtr UuidOfName(KernelCall& call) {
  std::string named;
  return Map<Text, Text, Text>(call, [&](Text name_space, Text name, Cell& cell) -> Text {
    const auto parsed = Uuid::Parse(name_space);
    if (!parsed) {
      cell.Fail("INVALID_UUID", fmt::format("'{}' is no UUID", name_space));
      return {};
    }
    named.assign(reinterpret_cast<const char*>(parsed->bytes.data()), parsed->bytes.size());
    named += name;
    const DigestBytes digest = DigestOf(DigestKind::kSha1, named);
    char* to = cell.arena().Allocate(36);
    Uuid::FromDigest(digest.view().substr(0, 16), 5).Print(to);
    return {to, 36};
  });
}

const KernelRegistration kKernels[] = {
    {"md5", Always(HexOf<DigestKind::kMd5>)},
    {"sha1", Always(HexOf<DigestKind::kSha1>)},
    {"sha2", Always(Sha2)},
    {"crc32", Always(Crc32Of)},
    {"uuid_v5", Always(UuidOfName)},
};

}  // namespace

std::span<const KernelRegistration> HashKernels() { return kKernels; }

}  // namespace millrace::engine
