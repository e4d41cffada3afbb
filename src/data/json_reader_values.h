// Single JSON values: checked numbers, unescaped strings. Inside the JSON reader only.
//
// Thread contract: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::data {

// Whether `text` is a number by JSON's grammar (RFC 8259 section 6).
bool IsJsonNumber(std::string_view text);

// A number without fraction or exponent that fits 64 bits.
std::optional<int64_t> ParseJsonInteger(std::string_view text);

// Any number but a string's "NaN" and "Infinity"; beyond double's range infinite, as Java reads it.
std::optional<double> ParseJsonDouble(std::string_view text);

// Writes the text between a JSON string's quotes, without its escapes, to `to`, which has room for
// raw.size() bytes. Returns the end; nullptr for a bad escape or half a surrogate pair.
char* UnescapeJson(std::string_view raw, char* to);

}  // namespace millrace::data
