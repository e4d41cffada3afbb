// Kernel: a function compiled for one call site, evaluated a batch at a time. No per-row virtual
// call, no allocation per row: strings go into the result column's arena, or are views into an
// argument's memory.
//
//   // upper(string): one factory, registered by the FunctionDef's name
//   Kernel MakeUpper(const sql::Expr&) {
//     return [](KernelCall& call) { return MapStrings(call, [](std::string_view in, Arena& out) {
//     ... }); };
//   }
//   const KernelRegistration kRegistrations[] = {{"upper", MakeUpper}};
//
// A kernel must give valid values for every row of call.rows; rows with a NULL argument of a
// NullRule::kPropagate function are never errors and their result is overwritten with NULL by the
// evaluator (values of NULL rows are zero or empty, see data/column.h, so computing over them is
// safe).
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "data/column.h"
#include "data/row_errors.h"
#include "data/row_set.h"
#include "sql/expr.h"

namespace millrace::engine {

// What functions may know of the world: fixed by the epoch, so that a replay gives the same (DESIGN
// invariant 6).
struct EvalContext {
  int64_t now_us = 0;        // now(), current_timestamp(); current_date() in `zone`
  uint64_t seed = 0;         // of the epoch
  std::string zone = "UTC";  // session time zone, IANA name
  // For rand() and uuid(): each row's place. Empty in queries without a stream: then the row number
  // serves.
  int32_t partition = 0;
  std::span<const int64_t> offsets;
};

struct KernelCall {
  // Those that are not lambdas, each of the batch's length; may be constant columns.
  std::span<const data::ColumnPtr> args;
  const data::DataType& type;  // of the result
  size_t length;               // of the batch
  const data::RowSet& rows;    // to compute
  data::RowErrors& errors;     // rows that raise go here; their result is then arbitrary
  const EvalContext& context;
  // Lambda arguments, for transform, filter and the like: evaluates lambda number i of the call
  // over element columns.
  std::function<data::ColumnPtr(size_t lambda, std::span<const data::ColumnPtr> parameters,
                                std::span<const uint32_t> outer_rows)>
      apply;
};

using Kernel = std::function<data::ColumnPtr(KernelCall&)>;
// `call` is the bound kCall: argument types, literals (to prepare patterns once), ansi flag. Fails
// with kInvalidArgument when a literal is unusable (a bad regular expression), which the user then
// sees at `millrace check`.
using KernelFactory = std::function<Result<Kernel>(const sql::Expr& call)>;

// The factory registered for a function's canonical name; nullptr when there is none (a test
// forbids that).
const KernelFactory* FindKernel(std::string_view function_name);

struct KernelRegistration {
  std::string_view name;
  KernelFactory factory;
};
// Each file of src/engine/functions/ offers one such list (the others are in functions/lists.h);
// kernel_registry.cc joins them.
std::span<const KernelRegistration> StringKernels();
std::span<const KernelRegistration> RegexpKernels();
std::span<const KernelRegistration> MathKernels();
std::span<const KernelRegistration> JsonKernels();
std::span<const KernelRegistration> HashKernels();
std::span<const KernelRegistration> CollectionKernels();

}  // namespace millrace::engine
