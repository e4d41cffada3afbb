// Decimals from text, as Spark rounds and refuses: HALF_UP, and never a value that its
// DECIMAL(p, s) cannot hold.
//
// Thread contract: pure functions.
#pragma once

#include <cstdint>
#include <string_view>

#include "data/value.h"

namespace millrace::data {

enum class DecimalOutcome : uint8_t { kOk, kMalformed, kOutOfRange };

// "[+-]digits[.digits][e[+-]digits]" without white space around, rounded to `scale` places.
DecimalOutcome ParseDecimalText(std::string_view text, int precision, int scale, Int128& unscaled);

}  // namespace millrace::data
