// sequence(): whole numbers, dates and timestamps.

#include <functional>
#include <optional>
#include <vector>

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

constexpr size_t kElementsMax = 1'000'000;

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

const KernelRegistration kKernels[] = {
    {"sequence", Always(Sequence)},
};

}  // namespace

std::span<const KernelRegistration> SequenceKernels() { return kKernels; }

}  // namespace millrace::engine
