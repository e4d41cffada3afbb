// Decimals between text, scales and doubles, as Spark rounds and refuses: HALF_UP, and never a
// value that its DECIMAL(p, s) cannot hold.
//
// Thread contract: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "data/value.h"

namespace millrace::data {

// 10^n, 0 <= n <= 38.
Int128 PowerOfTen(int n);

enum class DecimalOutcome : uint8_t { kOk, kMalformed, kOutOfRange };

// "[+-]digits[.digits][e[+-]digits]" without white space around, rounded to `scale` places.
DecimalOutcome ParseDecimalText(std::string_view text, int precision, int scale, Int128& unscaled);

// A value of scale `from_scale` at `scale`; nullopt when it does not fit `precision` digits.
std::optional<Int128> RescaleDecimal(Int128 unscaled, int from_scale, int precision, int scale);

// The nearest double.
double DecimalToDouble(Int128 unscaled, int scale);

}  // namespace millrace::data
