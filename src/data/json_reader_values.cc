#include "data/json_reader_values.h"

#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>

namespace millrace::data {
namespace {

constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }

size_t SkipDigits(std::string_view text, size_t at) {
  while (at < text.size() && IsDigit(text[at])) ++at;
  return at;
}

int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The four hex digits at the front of `text`; -1 when they are not.
int32_t FourHex(std::string_view text) {
  if (text.size() < 4) return -1;
  int32_t code = 0;
  for (size_t i = 0; i < 4; ++i) {
    const int digit = HexDigit(text[i]);
    if (digit < 0) return -1;
    code = code * 16 + digit;
  }
  return code;
}

char* AppendUtf8(uint32_t code, char* to) {
  if (code < 0x80) {
    *to++ = static_cast<char>(code);
    return to;
  }
  if (code < 0x800) {
    *to++ = static_cast<char>(0xc0 | (code >> 6));
  } else if (code < 0x10000) {
    *to++ = static_cast<char>(0xe0 | (code >> 12));
    *to++ = static_cast<char>(0x80 | ((code >> 6) & 0x3f));
  } else {
    *to++ = static_cast<char>(0xf0 | (code >> 18));
    *to++ = static_cast<char>(0x80 | ((code >> 12) & 0x3f));
    *to++ = static_cast<char>(0x80 | ((code >> 6) & 0x3f));
  }
  *to++ = static_cast<char>(0x80 | (code & 0x3f));
  return to;
}

// `raw` is what follows "\u"; takes the digits (and a second "\uXXXX" of a pair) off its front.
char* UnescapeUnicode(std::string_view& raw, char* to) {
  const int32_t first = FourHex(raw);
  if (first < 0 || (first >= 0xdc00 && first <= 0xdfff)) return nullptr;
  raw.remove_prefix(4);
  if (first < 0xd800 || first > 0xdfff) return AppendUtf8(static_cast<uint32_t>(first), to);
  if (!raw.starts_with("\\u")) return nullptr;
  const int32_t second = FourHex(raw.substr(2));
  if (second < 0xdc00 || second > 0xdfff) return nullptr;
  raw.remove_prefix(6);
  const int32_t code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
  return AppendUtf8(static_cast<uint32_t>(code), to);
}

constexpr auto kEscapes = [] {
  std::array<char, 256> escapes{};
  escapes['"'] = '"';
  escapes['\\'] = '\\';
  escapes['/'] = '/';
  escapes['b'] = '\b';
  escapes['f'] = '\f';
  escapes['n'] = '\n';
  escapes['r'] = '\r';
  escapes['t'] = '\t';
  return escapes;
}();

}  // namespace

bool IsJsonNumber(std::string_view text) {
  size_t at = !text.empty() && text[0] == '-' ? 1 : 0;
  const size_t whole = at;
  at = SkipDigits(text, at);
  if (at == whole || (text[whole] == '0' && at > whole + 1)) return false;
  if (at < text.size() && text[at] == '.') {
    const size_t fraction = at + 1;
    at = SkipDigits(text, fraction);
    if (at == fraction) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    const size_t exponent = at;
    at = SkipDigits(text, exponent);
    if (at == exponent) return false;
  }
  return at == text.size();
}

std::optional<int64_t> ParseJsonInteger(std::string_view text) {
  const bool negative = !text.empty() && text[0] == '-';
  const std::string_view digits = text.substr(negative ? 1 : 0);
  if (digits.empty() || (digits[0] == '0' && digits.size() > 1)) return std::nullopt;
  int64_t number = 0;
  constexpr size_t kDigitsThatFit = 18;
  if (digits.size() <= kDigitsThatFit) {
    for (const char c : digits) {
      if (!IsDigit(c)) return std::nullopt;
      number = number * 10 + (c - '0');
    }
    return negative ? -number : number;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<double> ParseJsonDouble(std::string_view text) {
  if (!IsJsonNumber(text)) return std::nullopt;
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::result_out_of_range)
    return std::strtod(std::string(text).c_str(), nullptr);
  return number;
}

char* UnescapeJson(std::string_view raw, char* to) {
  while (!raw.empty()) {
    const size_t slash = raw.find('\\');
    const size_t plain = slash == std::string_view::npos ? raw.size() : slash;
    std::memmove(to, raw.data(), plain);
    to += plain;
    raw.remove_prefix(plain);
    if (raw.empty()) break;
    if (raw.size() < 2) return nullptr;
    const char kind = raw[1];
    raw.remove_prefix(2);
    if (kind == 'u') {
      to = UnescapeUnicode(raw, to);
      if (!to) return nullptr;
      continue;
    }
    const char plain_char = kEscapes[static_cast<unsigned char>(kind)];
    if (plain_char == '\0') return nullptr;
    *to++ = plain_char;
  }
  return to;
}

}  // namespace millrace::data
