// What all casts of single values share: the loop over rows, and what becomes of a value that
// cannot be converted. Inside the engine's casts only.
#pragma once

#include <cstdint>
#include <utility>

#include "engine/cast.h"

namespace millrace::engine {

struct CastSpec {
  data::DataType from;
  data::DataType to;
  sql::CastMode mode = sql::CastMode::kAnsi;
};

enum class CastOutcome : uint8_t {
  kOk,
  kMalformed,   // CAST_INVALID_INPUT
  kOverflow,    // CAST_OVERFLOW
  kOutOfRange,  // NUMERIC_VALUE_OUT_OF_RANGE
};

// Row `row` has no value of the target type: an error under ANSI, else NULL.
void RefuseRow(const CastSpec& spec, const CastCall& call, CastOutcome why, size_t row,
               data::ColumnBuilder& out);

// A cast that converts values one by one. `prepare(call, out)` is run once a call and gives
// `CastOutcome convert(const From& in, To& to)`.
template <typename From, typename To, typename Prepare>
CastFunction CastEach(CastSpec spec, Prepare prepare) {
  return [spec = std::move(spec), prepare = std::move(prepare)](const CastCall& call) {
    data::ColumnBuilder out(spec.to, call.input->length());
    auto convert = prepare(call, out);
    const From* in = call.input->template Values<From>();
    To* to = out.Values<To>();
    const bool has_nulls = call.input->has_nulls();
    call.rows.ForEach([&](size_t row) {
      if (has_nulls && call.input->IsNull(row)) return;
      const CastOutcome outcome = convert(in[row], to[row]);
      if (outcome != CastOutcome::kOk) [[unlikely]]
        RefuseRow(spec, call, outcome, row, out);
    });
    out.AddNullsOf(*call.input);
    return std::move(out).Finish();
  };
}

// A cast whose conversion needs neither session nor memory.
template <typename From, typename To, typename Convert>
CastFunction CastPlain(CastSpec spec, Convert convert) {
  return CastEach<From, To>(std::move(spec),
                            [convert](const CastCall&, data::ColumnBuilder&) { return convert; });
}

// By subject; nullptr: not theirs.
CastFunction MakeNumberCast(const CastSpec& spec);  // numbers and booleans to one another
CastFunction MakeTimeCast(const CastSpec& spec);    // dates, timestamps, intervals, and numbers
CastFunction MakeTextCast(const CastSpec& spec);    // everything from STRING
CastFunction MakeToTextCast(const CastSpec& spec);  // everything to STRING and BINARY
Result<CastFunction> MakeNestedCast(const CastSpec& spec);  // arrays, maps, structs

}  // namespace millrace::engine
