// UUIDs (RFC 9562): parse, print, and make from a name. Random ones take their bytes from the
// caller's source, so that tests and replays stay deterministic.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace millrace {

struct Uuid {
  std::array<uint8_t, 16> bytes{};  // network order

  friend auto operator<=>(const Uuid&, const Uuid&) = default;

  // Exactly the 36-character form, either case; anything else is nullopt.
  static std::optional<Uuid> Parse(std::string_view text);
  // Version 4 from two random words.
  static Uuid FromRandom(uint64_t high, uint64_t low);
  // Version 5 (SHA-1) is computed where a crypto library may be included; this only stamps version
  // and variant bits.
  static Uuid FromDigest(std::string_view digest16, int version);

  std::string ToString() const;
  // Writes 36 characters, no terminator.
  void Print(char* to) const;
};

}  // namespace millrace
