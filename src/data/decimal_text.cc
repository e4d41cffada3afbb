#include "data/decimal_text.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/decimal.h"

namespace millrace::data {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// The significant digits of a number's text: digits[0..count) times 10^exponent.
struct Digits {
  bool negative = false;
  std::array<char, kDecimalPrecisionMax + 2> digits{};  // more than 39 never decide but by rounding
  int count = 0;
  int64_t exponent = 0;
  bool any = false;
};

// An exponent beyond any decimal's is kept at this size: it overflows or vanishes all the same.
constexpr int64_t kExponentMax = 1'000'000;

void AddDigit(Digits& number, char digit, bool after_point) {
  number.any = true;
  const bool leading_zero = number.count == 0 && digit == '0';
  if (leading_zero || number.count == static_cast<int>(number.digits.size())) {
    if (!after_point && !leading_zero) ++number.exponent;
    if (after_point && leading_zero) --number.exponent;
    return;
  }
  number.digits[static_cast<size_t>(number.count++)] = digit;
  if (after_point) --number.exponent;
}

// Reads "e[+-]digits" at the end of the text; false when malformed.
bool AddExponent(std::string_view text, Digits& number) {
  if (!text.empty() && text[0] == '+') {
    text.remove_prefix(1);
    if (!text.empty() && text[0] == '-') return false;
  }
  int64_t exponent = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), exponent);
  if (end != text.data() + text.size() || text.empty()) return false;
  if (error == std::errc::result_out_of_range)
    exponent = text[0] == '-' ? -kExponentMax : kExponentMax;
  number.exponent += std::clamp(exponent, -kExponentMax, kExponentMax);
  return error != std::errc::invalid_argument;
}

bool ReadDigits(std::string_view text, Digits& number) {
  size_t i = 0;
  if (i < text.size() && (text[i] == '+' || text[i] == '-')) number.negative = text[i++] == '-';
  bool after_point = false;
  for (; i < text.size(); ++i) {
    if (IsDigit(text[i])) {
      AddDigit(number, text[i], after_point);
    } else if (text[i] == '.' && !after_point) {
      after_point = true;
    } else {
      break;
    }
  }
  if (!number.any) return false;
  if (i == text.size()) return true;
  return (text[i] == 'e' || text[i] == 'E') && AddExponent(text.substr(i + 1), number);
}

}  // namespace

DecimalOutcome ParseDecimalText(std::string_view text, int precision, int scale, Int128& unscaled) {
  Digits number;
  if (!ReadDigits(text, number)) return DecimalOutcome::kMalformed;
  unscaled = 0;
  if (number.count == 0) return DecimalOutcome::kOk;
  // value = digits * 10^exponent; unscaled = value * 10^scale.
  const int64_t shift = number.exponent + scale;
  const int64_t kept = number.count + shift;  // digits before the rounding point
  if (kept < 0) return DecimalOutcome::kOk;
  if (kept > precision) return DecimalOutcome::kOutOfRange;
  Int128 value = 0;
  for (int64_t i = 0; i < kept; ++i)
    value = value * 10 + (i < number.count ? number.digits[static_cast<size_t>(i)] - '0' : 0);
  if (kept < number.count && number.digits[static_cast<size_t>(kept)] >= '5') ++value;
  if (value >= PowerOfTen(precision)) return DecimalOutcome::kOutOfRange;
  unscaled = number.negative ? -value : value;
  return DecimalOutcome::kOk;
}

}  // namespace millrace::data
