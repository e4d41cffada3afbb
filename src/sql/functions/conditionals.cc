#include <span>
#include <vector>

#include "sql/functions/tables.h"

namespace millrace::sql {
namespace {

// The forms below are rewritten by the binder into CASE and COALESCE, which evaluate only the
// branch they take; their rows here document them and give them their types.
Result<Signature> ResolveIf(std::span<const Argument> args) {
  if (args.size() != 3) return WrongCount("3", args.size());
  MR_ASSIGN(Signature branches, Common(2, kAny, SameAs(0))(args.subspan(1)));
  branches.arguments.insert(branches.arguments.begin(), kBoolean);
  return branches;
}

Result<Signature> ResolveNvl2(std::span<const Argument> args) {
  if (args.size() != 3) return WrongCount("3", args.size());
  MR_ASSIGN(Signature branches, Common(2, kAny, SameAs(0))(args.subspan(1)));
  branches.arguments.insert(branches.arguments.begin(), args[0].type);
  return branches;
}

Result<Signature> ResolveDecode(std::span<const Argument> args) {
  if (args.size() == 2) return Fixed({kBinary, kString}, kString)(args);
  if (args.size() < 3) return WrongCount("at least 3", args.size());
  std::vector<Argument> tested = {args[0]};
  std::vector<Argument> results;
  for (size_t i = 1; i < args.size(); ++i) {
    const bool is_search = i % 2 == 1 && i + 1 < args.size();
    (is_search ? tested : results).push_back(args[i]);
  }
  MR_ASSIGN(const Signature search, Common(2, kOrderable, kBoolean)(tested));
  MR_ASSIGN(const Signature found, Common(1, kAny, SameAs(0))(results));
  Signature signature;
  signature.result = found.result;
  for (size_t i = 0; i < args.size(); ++i) {
    const bool is_search = i == 0 || (i % 2 == 1 && i + 1 < args.size());
    signature.arguments.push_back(is_search ? search.arguments[0] : found.result);
  }
  return signature;
}

FunctionTraits Form(std::vector<std::string_view> aliases = {}) {
  return {.aliases = std::move(aliases), .null_rule = NullRule::kHandled};
}

const FunctionRow kRows[] = {
    {"coalesce(a, b, ...)", "The first argument that is not NULL.", "coalesce(NULL, 1, NULL) => 1",
     Common(1, kAny, SameAs(0)), Form()},
    {"if(condition, a, b)", "a when condition is true, else b.", "if(1 < 2, 'a', 'b') => a",
     ResolveIf, Form()},
    {"nvl(a, b)", "b when a is NULL, else a.", "nvl(NULL, 'x') => x", Common(2, kAny, SameAs(0), 2),
     Form({"ifnull"})},
    {"nvl2(a, b, c)", "b when a is not NULL, else c.", "nvl2(NULL, 2, 1) => 1", ResolveNvl2,
     Form()},
    {"nullif(a, b)", "NULL when a equals b, else a.", "nullif(2, 2) => NULL",
     Common(2, kOrderable, SameAs(0), 2), Form()},
    {"nullifzero(a)", "NULL when a is 0, else a.", "nullifzero(0) => NULL",
     Fixed({kAnyNumber}, SameAs(0)), Form()},
    {"zeroifnull(a)", "0 when a is NULL, else a.", "zeroifnull(NULL) => 0",
     [](std::span<const Argument> args) -> Result<Signature> {
       if (args.size() == 1 && args[0].type.kind() == data::TypeKind::kNull)
         return Fixed({kInt}, kInt)(args);
       return Fixed({kAnyNumber}, SameAs(0))(args);
     },
     Form()},
    {"decode(expr, search, result, ...[, default])",
     "The result whose search equals expr (NULL equals NULL), else the default.",
     "decode(2, 1, 'Southlake', 2, 'San Francisco', 'Other') => San Francisco", ResolveDecode,
     Form()},
    {"nanvl(a, b)", "b when a is NaN, else a.", "nanvl(CAST('NaN' AS DOUBLE), 123) => 123.0",
     Fixed({kDouble, kDouble}, kDouble), Form()},
    {"assert_true(condition[, message])", "NULL; an error unless condition is true.",
     "assert_true(0 < 1) => NULL", Fixed({kBoolean, kString}, data::DataType::Null(), 1), Form()},
    {"raise_error(message)",
     "Always an error: the row goes to the dead letters.",
     "raise_error('custom error message') => error USER_RAISED_EXCEPTION",
     Fixed({kString}, data::DataType::Null()),
     {.null_rule = NullRule::kHandled, .deterministic = false}},
};

}  // namespace

std::span<const FunctionRow> ConditionalRows() { return kRows; }

}  // namespace millrace::sql
