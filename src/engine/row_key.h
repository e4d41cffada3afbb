// RowKey: one or more SQL values as bytes, so that groups, joins, DISTINCT, sets and ORDER BY need
// not know types.
//
// Invariants
//   1. memcmp order of two encodings is SQL's order of the values: NULL first, false < true,
//   numbers, dates and times by value, -0.0 equal to 0.0, NaN above all, strings by their bytes
//   (UTF-8 binary order), arrays and structs element by element.
//   2. Equal bytes mean equal values in GROUP BY's sense (NULL equals NULL), and no encoding is a
//   prefix of another of the same types, so that encodings may be put one behind the other.
//   3. The form is stored in query state: it does not change without a new state version.
//
// Form: one byte, 0 for NULL, else 1, then: integers, dates and times big-endian with the sign bit
// flipped; floats as their bits, all flipped when negative, else the sign bit; decimals as 16-byte
// integers; strings with 0x00 written as 0x00 0xFF and ended by 0x00 0x01; arrays with 0x01 before
// each element and 0x00 at the end; structs their fields; maps their entries sorted by key, as an
// array.
//
// Thread contract: pure functions.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "data/column.h"

namespace millrace::engine {

void AppendKey(const data::Column& column, size_t row, std::string& to);
// As above with every byte flipped: memcmp order is the reverse. `nulls_first` places NULL whatever
// the direction.
void AppendSortKey(const data::Column& column, size_t row, bool ascending, bool nulls_first,
                   std::string& to);
// The keys of all rows of `columns` side by side.
std::string KeyOf(std::span<const data::ColumnPtr> columns, size_t row);

// Reads back what AppendKey wrote for a value of `type`; nullopt for bytes it never writes.
std::optional<data::Value> ReadKey(const data::DataType& type, ByteReader& reader);

}  // namespace millrace::engine
