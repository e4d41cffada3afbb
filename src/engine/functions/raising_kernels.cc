// Functions about the query itself: its types, its version, its own errors.

#include <string>

#include "engine/functions/lists.h"
#include "engine/functions/loops.h"

namespace millrace::engine {
namespace {

using data::Column;
using data::ColumnPtr;
using data::Value;
using Text = std::string_view;

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
    {"typeof", MakeTypeOf},
    {"version", Always(Version)},
    {"assert_true", Always(AssertTrue)},
    {"raise_error", Always(RaiseError)},
};

}  // namespace

std::span<const KernelRegistration> RaisingKernels() { return kKernels; }

}  // namespace millrace::engine
