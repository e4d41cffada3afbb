// Digests and names: md5, sha1, sha2, crc32, uuid_v5.

#include <span>

#include <openssl/evp.h>
#include <zlib.h>

#include "base/uuid.h"
#include "engine/functions/lists.h"
#include "engine/functions/loops.h"

namespace millrace::engine {
namespace {

using data::ColumnPtr;
using Text = std::string_view;

constexpr char kHex[] = "0123456789abcdef";

// The digest in `bytes`; its size.
size_t Digest(const EVP_MD* algorithm, Text input, unsigned char* bytes) {
  unsigned int size = 0;
  EVP_Digest(input.data(), input.size(), bytes, &size, algorithm, nullptr);
  return size;
}

Text HexDigest(const EVP_MD* algorithm, Text input, Cell& cell) {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  const size_t size = Digest(algorithm, input, bytes);
  char* to = cell.arena().Allocate(size * 2);
  for (size_t i = 0; i < size; ++i) {
    to[i * 2] = kHex[bytes[i] >> 4];
    to[i * 2 + 1] = kHex[bytes[i] & 15];
  }
  return {to, size * 2};
}

template <const EVP_MD* (*kAlgorithm)()>
ColumnPtr HexOf(KernelCall& call) {
  const EVP_MD* algorithm = kAlgorithm();
  return Map<Text, Text>(call,
                         [=](Text input, Cell& cell) { return HexDigest(algorithm, input, cell); });
}

const EVP_MD* Sha2Of(int32_t bits) {
  switch (bits) {
    case 224:
      return EVP_sha224();
    case 0:
    case 256:
      return EVP_sha256();
    case 384:
      return EVP_sha384();
    case 512:
      return EVP_sha512();
    default:
      return nullptr;
  }
}

ColumnPtr Sha2(KernelCall& call) {
  return Map<Text, Text, int32_t>(call, [](Text input, int32_t bits, Cell& cell) -> Text {
    if (const EVP_MD* algorithm = Sha2Of(bits)) return HexDigest(algorithm, input, cell);
    cell.SetNull();
    return {};
  });
}

ColumnPtr Crc32Of(KernelCall& call) {
  return Map<int64_t, Text>(call, [](Text input) {
    return crc32_z(0, reinterpret_cast<const Bytef*>(input.data()), input.size());
  });
}

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
    unsigned char bytes[EVP_MAX_MD_SIZE];
    Digest(EVP_sha1(), named, bytes);
    char* to = cell.arena().Allocate(36);
    Uuid::FromDigest(Text(reinterpret_cast<const char*>(bytes), 16), 5).Print(to);
    return {to, 36};
  });
}

const KernelRegistration kKernels[] = {
    {"md5", Always(HexOf<EVP_md5>)}, {"sha1", Always(HexOf<EVP_sha1>)}, {"sha2", Always(Sha2)},
    {"crc32", Always(Crc32Of)},      {"uuid_v5", Always(UuidOfName)},
};

}  // namespace

std::span<const KernelRegistration> HashKernels() { return kKernels; }

}  // namespace millrace::engine
