#include "base/digest.h"

#include <openssl/evp.h>
#include <zlib.h>

#include "base/check.h"

namespace millrace {
namespace {

const EVP_MD* AlgorithmOf(DigestKind kind) {
  switch (kind) {
    case DigestKind::kMd5:
      return EVP_md5();
    case DigestKind::kSha1:
      return EVP_sha1();
    case DigestKind::kSha224:
      return EVP_sha224();
    case DigestKind::kSha256:
      return EVP_sha256();
    case DigestKind::kSha384:
      return EVP_sha384();
    case DigestKind::kSha512:
      return EVP_sha512();
  }
  return nullptr;
}

}  // namespace

DigestBytes DigestOf(DigestKind kind, std::string_view input) {
  DigestBytes digest;
  unsigned int size = 0;
  const int done =
      EVP_Digest(input.data(), input.size(), reinterpret_cast<unsigned char*>(digest.bytes.data()),
                 &size, AlgorithmOf(kind), nullptr);
  MR_CHECK(done == 1, "OpenSSL has its digests");
  digest.size = size;
  return digest;
}

uint32_t Crc32(std::string_view input) {
  return static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(input.data()), input.size()));
}

}  // namespace millrace
