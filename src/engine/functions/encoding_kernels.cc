// Bytes and text: hexadecimal, base64, charsets.

#include <algorithm>
#include <optional>
#include <span>
#include <string>

#include "base/unicode.h"
#include "engine/functions/lists.h"
#include "engine/functions/loops.h"

namespace millrace::engine {
namespace {

using data::ColumnPtr;
using Text = std::string_view;

constexpr Text kHexDigits = "0123456789ABCDEF";
constexpr Text kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

ColumnPtr HexOfBytes(KernelCall& call) {
  return Map<Text, Text>(call, [](Text bytes, Cell& cell) -> Text {
    char* to = cell.arena().Allocate(bytes.size() * 2);
    for (size_t i = 0; i < bytes.size(); ++i) {
      const auto byte = static_cast<uint8_t>(bytes[i]);
      to[i * 2] = kHexDigits[byte >> 4];
      to[i * 2 + 1] = kHexDigits[byte & 15];
    }
    return {to, bytes.size() * 2};
  });
}

Result<Kernel> MakeHex(const sql::Expr& call) {
  if (call.args[0]->type.is_string_like()) return Kernel(HexOfBytes);
  return Kernel([](KernelCall& now) {
    return Map<Text, int64_t>(now, [](int64_t number, Cell& cell) {
      return cell.Copy(fmt::format("{:X}", static_cast<uint64_t>(number)));
    });
  });
}

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// An odd first digit stands alone, as in Spark.
bool DecodeHex(Text digits, std::string& to) {
  to.clear();
  int high = digits.size() % 2 == 1 ? 0 : -1;
  for (const char c : digits) {
    const int value = HexValue(c);
    if (value < 0) return false;
    if (high < 0) {
      high = value;
    } else {
      to += static_cast<char>(high << 4 | value);
      high = -1;
    }
  }
  return true;
}

ColumnPtr Unhex(KernelCall& call) {
  std::string bytes;
  return Map<Text, Text>(call, [&](Text digits, Cell& cell) -> Text {
    if (DecodeHex(digits, bytes)) return cell.Copy(bytes);
    cell.SetNull();
    return {};
  });
}

ColumnPtr Base64(KernelCall& call) {
  return Map<Text, Text>(call, [](Text bytes, Cell& cell) -> Text {
    const size_t size = (bytes.size() + 2) / 3 * 4;
    char* to = cell.arena().Allocate(size);
    char* at = to;
    for (size_t i = 0; i < bytes.size(); i += 3) {
      const size_t left = std::min<size_t>(3, bytes.size() - i);
      uint32_t group = 0;
      for (size_t b = 0; b < 3; ++b)
        group = group << 8 | (b < left ? static_cast<uint8_t>(bytes[i + b]) : 0);
      for (size_t c = 0; c < 4; ++c) *at++ = c <= left ? kBase64[group >> (18 - 6 * c) & 63] : '=';
    }
    return {to, size};
  });
}

// MIME's way: white space is skipped, padding may be missing; anything else refuses the text.
bool DecodeBase64(Text text, std::string& to) {
  to.clear();
  uint32_t bits = 0;
  int count = 0;
  size_t padding = 0;
  size_t digits = 0;
  for (const char c : text) {
    if (c == ' ' || c == '\n' || c == '\r' || c == '\t') continue;
    if (c == '=') {
      ++padding;
      continue;
    }
    const size_t value = kBase64.find(c);
    if (value == Text::npos || padding > 0) return false;
    bits = bits << 6 | static_cast<uint32_t>(value);
    ++digits;
    count += 6;
    if (count >= 8) {
      count -= 8;
      to += static_cast<char>(bits >> count & 0xFF);
    }
  }
  return digits % 4 != 1 && padding <= 2 && (padding == 0 || (digits + padding) % 4 == 0);
}

ColumnPtr Unbase64(KernelCall& call) {
  std::string bytes;
  return Map<Text, Text>(call, [&](Text text, Cell& cell) -> Text {
    if (DecodeBase64(text, bytes)) return cell.Copy(bytes);
    cell.Fail("CONVERSION_INVALID_INPUT", fmt::format("'{}' is not base64", text));
    return {};
  });
}

// The charsets of Spark 4; nullptr: another.
const char* CharsetOf(Text name) {
  for (const char* known :
       {"US-ASCII", "ISO-8859-1", "UTF-8", "UTF-16BE", "UTF-16LE", "UTF-16", "UTF-32"}) {
    if (data::EqualsIgnoringCase(name, known)) return known;
  }
  return nullptr;
}

// Java writes UTF-16 with a mark and UTF-32 without one, both big-endian.
std::optional<std::string> Encode(Text text, Text charset) {
  if (charset == "UTF-32") return ConvertCharset("UTF-8", "UTF-32BE", text);
  if (charset != "UTF-16") return ConvertCharset("UTF-8", charset.data(), text);
  auto encoded = ConvertCharset("UTF-8", "UTF-16BE", text);
  if (encoded && !text.empty()) encoded->insert(0, "\xFE\xFF");
  return encoded;
}

template <bool kEncode>
ColumnPtr Charset(KernelCall& call) {
  return Map<Text, Text, Text>(call, [](Text input, Text name, Cell& cell) -> Text {
    const char* charset = CharsetOf(name);
    if (charset == nullptr) {
      cell.Fail("INVALID_PARAMETER_VALUE.CHARSET", fmt::format("'{}' is no known charset", name));
      return {};
    }
    const auto result = kEncode ? Encode(input, charset) : ConvertCharset(charset, "UTF-8", input);
    if (result) return cell.Copy(*result);
    cell.Fail("MALFORMED_CHARACTER_CODING",
              fmt::format("the input has characters that {} has not", charset));
    return {};
  });
}

bool ToBytes(Text text, Text format, std::string& to) {
  if (data::EqualsIgnoringCase(format, "hex")) return DecodeHex(text, to);
  if (data::EqualsIgnoringCase(format, "base64")) return DecodeBase64(text, to);
  to = text;
  return data::EqualsIgnoringCase(format, "utf-8") || data::EqualsIgnoringCase(format, "utf8");
}

template <bool kNullOnError>
ColumnPtr ToBinary(KernelCall& call) {
  std::string bytes;
  return Map<Text, Text>(call, [&](Text text, Cell& cell) -> Text {
    const Text format =
        call.args.size() > 1 ? data::Reader<Text>(*call.args[1])[cell.row()] : Text("hex");
    if (ToBytes(text, format, bytes)) return cell.Copy(bytes);
    if (kNullOnError)
      cell.SetNull();
    else
      cell.Fail("CONVERSION_INVALID_INPUT",
                fmt::format("'{}' cannot be read as {}. Use `try_to_binary` to give NULL instead.",
                            text, format));
    return {};
  });
}

const KernelRegistration kKernels[] = {
    {"hex", MakeHex},
    {"unhex", Always(Unhex)},
    {"base64", Always(Base64)},
    {"unbase64", Always(Unbase64)},
    {"encode", Always(Charset<true>)},
    {"decode_binary", Always(Charset<false>)},
    {"to_binary", Always(ToBinary<false>)},
    {"try_to_binary", Always(ToBinary<true>)},
};

}  // namespace

std::span<const KernelRegistration> EncodingKernels() { return kKernels; }

}  // namespace millrace::engine
