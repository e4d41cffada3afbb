// The loops that kernels are made of: a function of single values, mapped over the rows of a call.
//
//   // length of strings: pure, so it vectorises
//   ColumnPtr Length(KernelCall& call) {
//     return Map<int32_t, std::string_view>(call, [](std::string_view text) { ... });
//   }
//   // a result that may fail, be NULL or need memory takes the row's Cell as last parameter
//   return Map<std::string_view, std::string_view>(call, [](std::string_view text, Cell& cell) {
//     return cell.arena().Copy(...);
//   });
//
// Invariants
//   1. Only the rows of the call are computed; the others keep zero values.
//   2. String results may be views of the arguments' memory or of the column's arena: both live as
//   long as the result.
//   3. A row with a NULL argument never raises (Cell::Fail drops it); its value is overwritten by
//   the evaluator.
#pragma once

#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "data/column.h"
#include "engine/kernel.h"

namespace millrace::engine {

// The row in hand, for functions that can fail, give NULL, or make strings.
class Cell {
 public:
  Cell(KernelCall& call, data::ColumnBuilder& out) : call_(call), out_(out) {}

  size_t row() const { return row_; }
  void MoveTo(size_t row) { row_ = row; }
  const EvalContext& context() const { return call_.context; }
  data::Arena& arena() { return out_.arena(); }
  std::string_view Copy(std::string_view text) { return out_.arena().Copy(text); }
  void SetNull() { out_.SetNull(row_); }
  bool IsNull(size_t argument) const { return call_.args[argument]->IsNull(row_); }
  bool HasNullArgument() const {
    for (const data::ColumnPtr& arg : call_.args) {
      if (arg->IsNull(row_)) return true;
    }
    return false;
  }
  // Raises `condition` for this row, unless an argument is NULL.
  void Fail(std::string_view condition, std::string message) {
    if (!HasNullArgument()) call_.errors.Add(row_, condition, std::move(message));
  }

 private:
  KernelCall& call_;
  data::ColumnBuilder& out_;
  size_t row_ = 0;
};

namespace loops {

template <typename F, typename... In>
auto Apply(F& f, Cell& cell, const In&... in) {
  if constexpr (std::is_invocable_v<F&, const In&..., Cell&>) {
    return f(in..., cell);
  } else {
    return f(in...);
  }
}

template <typename Out, typename... In, typename F, size_t... I>
void MapInto(KernelCall& call, data::ColumnBuilder& out, F& f, std::index_sequence<I...>) {
  Out* const values = out.Values<Out>();
  Cell cell(call, out);
  if (call.rows.is_all() && (... && !call.args[I]->is_constant())) {
    [[maybe_unused]] const std::tuple<const In*...> in(call.args[I]->template Values<In>()...);
    for (size_t row = 0; row < call.length; ++row) {
      cell.MoveTo(row);
      values[row] = static_cast<Out>(Apply(f, cell, std::get<I>(in)[row]...));
    }
    return;
  }
  [[maybe_unused]] const std::tuple<data::Reader<In>...> in(data::Reader<In>(*call.args[I])...);
  call.rows.ForEach([&](size_t row) {
    cell.MoveTo(row);
    values[row] = static_cast<Out>(Apply(f, cell, std::get<I>(in)[row]...));
  });
}

}  // namespace loops

// A column of f(argument values...) for each row. `In` are the storage types of the first
// arguments; f takes them, and a Cell& behind them if it wants one.
template <typename Out, typename... In, typename F>
data::ColumnPtr Map(KernelCall& call, F&& f) {
  using Fill = data::ColumnBuilder::Fill;
  data::ColumnBuilder out(call.type, call.length, call.rows.is_all() ? Fill::kNone : Fill::kZeros);
  if constexpr (std::is_same_v<Out, std::string_view>) {
    for (const data::ColumnPtr& arg : call.args) {
      if (arg->type().is_string_like()) out.AddOwnersOf(*arg);
    }
  }
  loops::MapInto<Out, In...>(call, out, f, std::index_sequence_for<In...>{});
  return std::move(out).Finish();
}

// Calls f(T{}) with the storage type of a numeric kind (decimals: Int128).
template <typename F>
auto WithNumber(data::TypeKind kind, F&& f) {
  using data::TypeKind;
  switch (kind) {
    case TypeKind::kTinyint:
      return f(int8_t{});
    case TypeKind::kSmallint:
      return f(int16_t{});
    case TypeKind::kInt:
      return f(int32_t{});
    case TypeKind::kBigint:
      return f(int64_t{});
    case TypeKind::kFloat:
      return f(float{});
    case TypeKind::kDecimal:
      return f(data::Int128{});
    default:
      return f(double{});
  }
}

// A factory of a kernel that needs nothing of its call.
inline KernelFactory Always(data::ColumnPtr (*kernel)(KernelCall&)) {
  return [kernel](const sql::Expr&) -> Result<Kernel> { return Kernel(kernel); };
}

// The string of a literal argument; nullptr when it is not one, is NULL or not given.
inline const std::string* LiteralText(const sql::Expr& call, size_t index) {
  if (index >= call.args.size()) return nullptr;
  const sql::Expr& arg = *call.args[index];
  const bool is_text =
      arg.kind == sql::ExprKind::kLiteral && arg.type.is_string_like() && !arg.literal.is_null();
  return is_text ? &arg.literal.string() : nullptr;
}

}  // namespace millrace::engine
