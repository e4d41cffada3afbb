#include "base/uuid.h"

#include <cstring>

#include "base/bytes.h"
#include "base/check.h"

namespace millrace {
namespace {

constexpr int8_t kNotHex = -1;

constexpr std::array<int8_t, 256> MakeHexTable() {
  std::array<int8_t, 256> table{};
  table.fill(kNotHex);
  for (int i = 0; i < 10; ++i) table['0' + i] = static_cast<int8_t>(i);
  for (int i = 0; i < 6; ++i) table['a' + i] = table['A' + i] = static_cast<int8_t>(10 + i);
  return table;
}

// Where each byte's two digits stand in the 36 characters.
constexpr std::array<uint8_t, 16> kPlace = {0,  2,  4,  6,  9,  11, 14, 16,
                                            19, 21, 24, 26, 28, 30, 32, 34};

}  // namespace

std::optional<Uuid> Uuid::Parse(std::string_view text) {
  static constexpr std::array<int8_t, 256> kHex = MakeHexTable();
  if (text.size() != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-')
    return std::nullopt;
  Uuid uuid;
  int seen = 0;  // negative as soon as one digit is not hexadecimal
  for (size_t i = 0; i < 16; ++i) {
    const int high = kHex[static_cast<uint8_t>(text[kPlace[i]])];
    const int low = kHex[static_cast<uint8_t>(text[kPlace[i] + 1])];
    seen |= high | low;
    uuid.bytes[i] = static_cast<uint8_t>(high << 4 | low);
  }
  if (seen < 0) return std::nullopt;
  return uuid;
}

Uuid Uuid::FromRandom(uint64_t high, uint64_t low) {
  char raw[16];
  StoreBig(raw, high);
  StoreBig(raw + 8, low);
  return FromDigest(std::string_view(raw, 16), 4);
}

Uuid Uuid::FromDigest(std::string_view digest16, int version) {
  MR_CHECK(digest16.size() >= 16, "a UUID is made from at least 16 bytes");
  Uuid uuid;
  std::memcpy(uuid.bytes.data(), digest16.data(), 16);
  uuid.bytes[6] = static_cast<uint8_t>((uuid.bytes[6] & 0x0f) | version << 4);
  uuid.bytes[8] = static_cast<uint8_t>((uuid.bytes[8] & 0x3f) | 0x80);
  return uuid;
}

void Uuid::Print(char* to) const {
  static constexpr char kDigits[] = "0123456789abcdef";
  to[8] = to[13] = to[18] = to[23] = '-';
  for (size_t i = 0; i < 16; ++i) {
    to[kPlace[i]] = kDigits[bytes[i] >> 4];
    to[kPlace[i] + 1] = kDigits[bytes[i] & 15];
  }
}

std::string Uuid::ToString() const {
  std::string text(36, '\0');
  Print(text.data());
  return text;
}

}  // namespace millrace
