// + - * / div of dates, timestamps and intervals.
#pragma once

#include <optional>

#include "engine/kernel.h"

namespace millrace::engine {

// Whether an argument of the call is a date, a timestamp or an interval.
bool IsIntervalArithmetic(const sql::Expr& call);
// `op` is '+', '-', '*', '/' or 'd' (div). `null_on_error`: overflow gives NULL, else
// DATETIME_OVERFLOW or INTERVAL_ARITHMETIC_OVERFLOW.
Result<Kernel> MakeIntervalArithmetic(const sql::Expr& call, char op, bool null_on_error);

// Adds whole days in local time, then the rest: how Spark adds a day-time interval. nullopt:
// overflow.
std::optional<int64_t> AddDayTime(int64_t local_us, int64_t interval_us);
// Adds months to a local time, keeping the time of day.
std::optional<int64_t> AddMonthsToMoment(int64_t local_us, int64_t months);

}  // namespace millrace::engine
