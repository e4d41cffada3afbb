// Random values, sequences, types and raised errors.
//
// Invariant: random values depend only on the epoch's seed, the row's partition and offset and the
// call's place in the query, so that a replay draws the same (DESIGN invariant 6).

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <optional>
#include <span>
#include <vector>

#include "base/hash.h"
#include "base/uuid.h"
#include "engine/functions/calendar.h"
#include "engine/functions/collections.h"
#include "engine/functions/interval_arithmetic.h"
#include "engine/functions/lists.h"
#include "engine/functions/loops.h"
#include "engine/functions/zones.h"

namespace millrace::engine {
namespace {

using data::Column;
using data::ColumnBuilder;
using data::ColumnPtr;
using data::TypeKind;
using data::Value;
using Text = std::string_view;

constexpr size_t kElementsMax = 1'000'000;

// What tells this call from others of the query: where it stands in the SQL text, and its seed.
struct CallPlace {
  int32_t line;
  int32_t column;
  int64_t seed;
};

CallPlace PlaceOf(const sql::Expr& call) {
  CallPlace place{call.where.line, call.where.column, 0};
  const bool seeded = !call.args.empty() && call.args[0]->kind == sql::ExprKind::kLiteral &&
                      !call.args[0]->literal.is_null();
  if (seeded && call.args[0]->type.is_integral()) place.seed = call.args[0]->literal.integer();
  return place;
}

// Draw number `ordinal` of a row.
uint64_t Draw(const CallPlace& place, const EvalContext& context, size_t row, uint64_t ordinal) {
  const uint64_t words[] = {
      static_cast<uint64_t>(static_cast<uint32_t>(place.line)) << 32 |
          static_cast<uint32_t>(place.column),
      static_cast<uint64_t>(place.seed),
      static_cast<uint64_t>(static_cast<uint32_t>(context.partition)),
      row < context.offsets.size() ? static_cast<uint64_t>(context.offsets[row]) : row,
      ordinal,
  };
  return Hash64({reinterpret_cast<const char*>(words), sizeof(words)}, context.seed);
}

// 53 random bits: [0, 1).
double UnitInterval(uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1.0p-53; }

Result<Kernel> MakeRand(const sql::Expr& call) {
  return Kernel([place = PlaceOf(call)](KernelCall& now) {
    return Map<double>(
        now, [&](Cell& cell) { return UnitInterval(Draw(place, now.context, cell.row(), 0)); });
  });
}

// Box and Muller's two uniform numbers to one normal.
Result<Kernel> MakeRandn(const sql::Expr& call) {
  return Kernel([place = PlaceOf(call)](KernelCall& now) {
    return Map<double>(now, [&](Cell& cell) {
      const double u = 1.0 - UnitInterval(Draw(place, now.context, cell.row(), 0));
      const double v = UnitInterval(Draw(place, now.context, cell.row(), 1));
      return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v);
    });
  });
}

Result<Kernel> MakeUuid(const sql::Expr& call) {
  return Kernel([place = PlaceOf(call)](KernelCall& now) {
    return Map<Text>(now, [&](Cell& cell) -> Text {
      char* to = cell.arena().Allocate(36);
      Uuid::FromRandom(Draw(place, now.context, cell.row(), 0),
                       Draw(place, now.context, cell.row(), 1))
          .Print(to);
      return {to, 36};
    });
  });
}

Result<Kernel> MakeShuffle(const sql::Expr& call) {
  return Kernel([place = PlaceOf(call)](KernelCall& now) {
    ListBuilder out(now);
    now.rows.ForEach([&](size_t row) {
      out.StartRow(row);
      const size_t first = out.size();
      out.AddRange(RangeOf(*now.args[0], row));
      for (size_t i = out.size() - first; i > 1; --i) {
        const size_t other = Draw(place, now.context, row, i) % i;
        std::swap(out.rows()[first + i - 1], out.rows()[first + other]);
      }
    });
    return std::move(out).Finish({now.args[0]->children()[0]});
  });
}

// Collects the values of sequences, bounded.
class SequenceBuilder {
 public:
  explicit SequenceBuilder(KernelCall& call) : call_(call), lists_(call) {}

  void StartRow(size_t row) {
    lists_.StartRow(row);
    row_ = row;
    left_ = kElementsMax;
  }
  // False: the row has failed.
  bool Add(int64_t value) {
    if (left_-- == 0) {
      call_.errors.Add(row_, "COLLECTION_SIZE_LIMIT_EXCEEDED",
                       fmt::format("sequence: over {} elements", kElementsMax));
      return false;
    }
    lists_.Add(values_.size());
    values_.push_back(value);
    return true;
  }
  void FailStep() {
    call_.errors.Add(row_, "ILLEGAL_SEQUENCE_BOUNDARIES",
                     "sequence: the step must lead from start to stop");
  }
  ColumnPtr Finish() && {
    ColumnBuilder child(call_.type.element(), values_.size());
    const TypeKind kind = call_.type.element().kind();
    const TypeKind stored = kind == TypeKind::kDate              ? TypeKind::kInt
                            : call_.type.element().is_integral() ? kind
                                                                 : TypeKind::kBigint;
    WithNumber(stored, [&]<typename T>(T) {
      for (size_t i = 0; i < values_.size(); ++i) child.Values<T>()[i] = static_cast<T>(values_[i]);
    });
    return std::move(lists_).Finish({std::move(child).Finish()});
  }

 private:
  KernelCall& call_;
  ListBuilder lists_;
  std::vector<int64_t> values_;
  size_t row_ = 0;
  size_t left_ = 0;
};

int64_t WholeAt(const Column& column, size_t row) { return column.ValueAt(row).integer(); }

void AddSteps(SequenceBuilder& out, int64_t start, int64_t stop, int64_t step) {
  if (step == 0 ? start != stop : (stop > start && step < 0) || (stop < start && step > 0))
    return out.FailStep();
  for (int64_t value = start; step >= 0 ? value <= stop : value >= stop;) {
    if (!out.Add(value) || step == 0 || __builtin_add_overflow(value, step, &value)) return;
  }
}

// Dates and timestamps by months: each element is the start plus so many steps, not the one before
// plus a step, so that a 31st comes back after a short month.
void AddMonthSteps(SequenceBuilder& out, int64_t start, int64_t stop, int64_t months,
                   const std::function<std::optional<int64_t>(int64_t, int64_t)>& plus) {
  if (months == 0 || (stop > start) != (months > 0)) {
    if (start == stop) {
      out.Add(start);
      return;
    }
    return out.FailStep();
  }
  for (int64_t i = 0;; ++i) {
    const auto value = plus(start, i * months);
    if (!value || (months > 0 ? *value > stop : *value < stop) || !out.Add(*value)) return;
  }
}

ColumnPtr Sequence(KernelCall& call) {
  const TypeKind kind = call.type.element().kind();
  const bool is_date = kind == TypeKind::kDate;
  const bool moments = call.type.element().is_datetime();
  const TimeZone zone = kind == TypeKind::kTimestamp ? ZoneOf(call.context) : TimeZone::Utc();
  const auto plus_months = [&](int64_t from, int64_t months) -> std::optional<int64_t> {
    if (is_date) return AddMonthsTo(static_cast<int32_t>(from), months);
    const auto moved = AddMonthsToMoment(LocalOf(zone, from), months);
    return moved ? std::optional(InstantOf(zone, *moved)) : std::nullopt;
  };
  SequenceBuilder out(call);
  call.rows.ForEach([&](size_t row) {
    out.StartRow(row);
    for (const ColumnPtr& arg : call.args) {
      if (arg->IsNull(row)) return;
    }
    const int64_t start = WholeAt(*call.args[0], row);
    const int64_t stop = WholeAt(*call.args[1], row);
    int64_t step = start <= stop ? 1 : -1;
    if (call.args.size() > 2) step = WholeAt(*call.args[2], row);
    const bool by_months =
        call.args.size() > 2 && call.args[2]->type().kind() == TypeKind::kIntervalYearMonth;
    if (by_months) return AddMonthSteps(out, start, stop, step, plus_months);
    if (is_date && call.args.size() > 2) step /= kMicrosPerDay;
    if (moments && !is_date && call.args.size() == 2) step *= kMicrosPerDay;
    AddSteps(out, start, stop, step);
  });
  return std::move(out).Finish();
}

Result<Kernel> MakeTypeOf(const sql::Expr& call) {
  return Kernel([name = call.args[0]->type.ToString()](KernelCall& now) {
    return Column::Constant(now.type, Value::String(name), now.length);
  });
}

ColumnPtr Version(KernelCall& call) {
  return Column::Constant(call.type, Value::String("0.1.0"), call.length);
}

ColumnPtr AssertTrue(KernelCall& call) {
  const data::Reader<uint8_t> conditions(*call.args[0]);
  call.rows.ForEach([&](size_t row) {
    if (!call.args[0]->IsNull(row) && conditions[row] != 0) return;
    const bool has_message = call.args.size() > 1 && !call.args[1]->IsNull(row);
    call.errors.Add(row, "USER_RAISED_EXCEPTION",
                    has_message ? std::string(data::Reader<Text>(*call.args[1])[row])
                                : std::string("the condition of assert_true is not true"));
  });
  return Column::Constant(call.type, Value::Null(), call.length);
}

ColumnPtr RaiseError(KernelCall& call) {
  const data::Reader<Text> messages(*call.args[0]);
  call.rows.ForEach([&](size_t row) {
    call.errors.Add(row, "USER_RAISED_EXCEPTION", std::string(messages[row]));
  });
  return Column::Constant(call.type, Value::Null(), call.length);
}

const KernelRegistration kKernels[] = {
    {"rand", MakeRand},
    {"randn", MakeRandn},
    {"uuid", MakeUuid},
    {"shuffle", MakeShuffle},
    {"sequence", Always(Sequence)},
    {"typeof", MakeTypeOf},
    {"version", Always(Version)},
    {"assert_true", Always(AssertTrue)},
    {"raise_error", Always(RaiseError)},
};

}  // namespace

std::span<const KernelRegistration> MiscKernels() { return kKernels; }

}  // namespace millrace::engine
