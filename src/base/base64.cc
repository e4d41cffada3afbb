#include "base/base64.h"

#include <algorithm>
#include <cstdint>

namespace millrace {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrlAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void Append(std::string_view bytes, std::string_view alphabet, std::string& to) {
  for (size_t at = 0; at < bytes.size(); at += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - at);
    uint32_t bits = 0;
    for (size_t i = 0; i < 3; ++i)
      bits = bits << 8 | (i < count ? static_cast<uint8_t>(bytes[at + i]) : 0U);
    for (size_t i = 0; i < 4; ++i)
      to.push_back(i <= count ? alphabet[bits >> (18 - 6 * i) & 63] : '=');
  }
}

std::optional<std::string> Decode(std::string_view text, std::string_view alphabet) {
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    const size_t digit = alphabet.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = (bits << 6 | static_cast<uint32_t>(digit)) & 0xffff;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes.push_back(static_cast<char>(bits >> held));
  }
  return bytes;
}

}  // namespace

void AppendBase64(std::string_view bytes, std::string& to) { Append(bytes, kAlphabet, to); }

std::string EncodeBase64(std::string_view bytes) {
  std::string text;
  Append(bytes, kAlphabet, text);
  return text;
}

std::optional<std::string> DecodeBase64(std::string_view text) { return Decode(text, kAlphabet); }

std::string EncodeBase64Url(std::string_view bytes) {
  std::string text;
  Append(bytes, kUrlAlphabet, text);
  text.resize(std::min(text.find('='), text.size()));
  return text;
}

std::optional<std::string> DecodeBase64Url(std::string_view text) {
  return Decode(text, kUrlAlphabet);
}

}  // namespace millrace
