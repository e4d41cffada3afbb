// Values in Cassandra's serialisation (native protocol v4, section 6): what cells, partition keys
// and tokens are made of. This is the general, slow way, by Value; whole batches go through
// CellEncoder.
//
// Decimals are written without trailing zeros, so that one number has one form whatever the scale
// of its column.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "data/value.h"
#include "store/cql_type.h"

namespace millrace::store {

// Appends `value`, not NULL, of SQL type `from` (CheckWritable held). kInvalidArgument: the value
// does not fit, e.g. a text that is no uuid.
Status AppendCqlValue(const data::DataType& from, const data::Value& value, const CqlType& to,
                      std::string& out);

// The value as SqlTypeOf(type) has it. kDamaged when the bytes are no such value.
Result<data::Value> DecodeCqlValue(const CqlType& type, std::string_view bytes);

// Scalars by their serialised parts, shared with CellEncoder. Text forms: false when `text` is
// none.
bool AppendInetText(std::string_view text, std::string& out);
bool AppendUuidText(std::string_view text, bool time_based, std::string& out);
void AppendCqlVarint(data::Int128 number, std::string& out);
void AppendCqlDecimal(data::Int128 unscaled, int scale, std::string& out);
bool IsAscii(std::string_view text);
// Microseconds to CQL's milliseconds, towards the past.
int64_t MillisOfMicros(int64_t micros);
inline constexpr uint32_t kDateBias = uint32_t{1} << 31;
inline constexpr int64_t kNanosPerDay = int64_t{86400} * 1000000000;

// Two's complement, big-endian, 1 to 16 bytes; false when longer or empty.
bool ParseCqlVarint(std::string_view bytes, data::Int128& number);
// Scale and number brought to scale 18; false when that loses digits or overflows.
bool ParseCqlDecimal(std::string_view bytes, data::Int128& at_scale_18);

}  // namespace millrace::store
