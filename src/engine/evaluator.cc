#include "engine/evaluator.h"

#include <algorithm>
#include <iterator>

#include "base/check.h"
#include "engine/evaluator_branches.h"
#include "engine/evaluator_program.h"

namespace millrace::engine {

using data::Batch;
using data::Column;
using data::ColumnBuilder;
using data::ColumnPtr;
using data::DataType;
using data::RowErrors;
using data::RowSet;
using sql::ExprKind;

namespace {

// The body of a lambda runs in a frame of its own, whose rows are the elements.
struct Frame {
  const Batch* input = nullptr;  // of the outermost frame; null in constant frames
  size_t length = 0;
  RowErrors* errors = nullptr;
  Frame* outer = nullptr;                  // of a lambda body
  std::span<const uint32_t> outer_rows{};  // of a lambda body: each element's row in `outer`
  std::vector<ColumnPtr> variables{};      // of all enclosing lambdas, the outermost's first
  std::vector<ColumnPtr> known{};          // by node: computed in this or an enclosing scope
  std::vector<ColumnPtr> input_taken{};    // lambda bodies: outer columns, row for row
  std::vector<uint32_t> computed{};        // the nodes in `known`, newest last
  bool single_row = false;                 // of a constant: constants are computed as they stand
};

// While it lives only some rows are computed: what was known before holds for them, what is
// computed now is forgotten at its end.
class Scope {
 public:
  explicit Scope(Frame& frame) : frame_(frame), mark_(frame.computed.size()) {}
  ~Scope() {
    for (; frame_.computed.size() > mark_; frame_.computed.pop_back())
      frame_.known[frame_.computed.back()].reset();
  }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  Frame& frame_;
  size_t mark_;
};

std::vector<uint32_t> RowsOf(const RowSet& rows) {
  std::vector<uint32_t> list;
  list.reserve(rows.count());
  rows.ForEach([&](size_t row) { list.push_back(static_cast<uint32_t>(row)); });
  return list;
}

class Run {
 public:
  Run(const Program& program, const EvalContext& context) : program_(program), context_(context) {}

  ColumnPtr Eval(uint32_t id, const RowSet& rows, Frame& frame) {
    if (frame.known[id]) return frame.known[id];
    const Node& node = program_.nodes()[id];
    ColumnPtr column =
        node.constant && !frame.single_row ? Constant(id, rows, frame) : Compute(node, rows, frame);
    MR_CHECK(column->length() == frame.length, "a result of the batch's length");
    frame.known[id] = column;
    frame.computed.push_back(id);
    return column;
  }

 private:
  ColumnPtr Compute(const Node& node, const RowSet& rows, Frame& frame) {
    switch (node.expr->kind) {
      case ExprKind::kLiteral:
        return Column::AsConstant(node.literal, frame.length);
      case ExprKind::kColumn:
        return Input(node.expr->ordinal, frame);
      case ExprKind::kVariable:
        return frame.variables[static_cast<size_t>(node.expr->ordinal)];
      case ExprKind::kField:
        return FieldOf(Eval(node.args[0], rows, frame), node.expr->ordinal);
      case ExprKind::kCall:
        return Call(node, rows, frame);
      case ExprKind::kCast: {
        const ColumnPtr input = Eval(node.args[0], rows, frame);
        return node.cast({input, rows, context_, *frame.errors});
      }
      case ExprKind::kAnd:
      case ExprKind::kOr:
        return Logic(node, rows, frame);
      case ExprKind::kCase:
        return Case(node, rows, frame);
      case ExprKind::kCoalesce:
        return Coalesce(node, rows, frame);
      case ExprKind::kIn:
        return In(node, rows, frame);
      case ExprKind::kTry:
        return Try(node, rows, frame);
      case ExprKind::kLambda:
        break;
    }
    MR_CHECK(false, "lambdas are evaluated by their call only");
  }

  // Computed for one row; what fails there fails in every row asked for.
  ColumnPtr Constant(uint32_t id, const RowSet& rows, Frame& frame) {
    RowErrors errors(1);
    Frame one{.length = 1, .errors = &errors};
    one.single_row = true;
    one.known.resize(program_.nodes().size());
    const ColumnPtr value = Eval(id, RowSet::All(1), one);
    for (const data::RowError& error : errors.errors()) {
      rows.ForEach([&](size_t row) { frame.errors->Add(row, error.condition, error.message); });
    }
    return Column::AsConstant(value, frame.length);
  }

  // Input columns seen from a lambda are repeated for each element of their row.
  ColumnPtr Input(int ordinal, Frame& frame) {
    const auto index = static_cast<size_t>(ordinal);
    if (!frame.outer) return frame.input->columns[index];
    if (frame.input_taken.size() <= index) frame.input_taken.resize(index + 1);
    ColumnPtr& taken = frame.input_taken[index];
    if (!taken) taken = Column::Take(Input(ordinal, *frame.outer), frame.outer_rows);
    return taken;
  }

  static ColumnPtr FieldOf(const ColumnPtr& whole, int ordinal) {
    const ColumnPtr& child = whole->children()[static_cast<size_t>(ordinal)];
    return whole->is_constant() && whole->length() > 0 ? Column::AsConstant(child, whole->length())
                                                       : child;
  }

  ColumnPtr Call(const Node& node, const RowSet& rows, Frame& frame) {
    std::vector<ColumnPtr> args;
    args.reserve(node.args.size());
    bool has_nulls = false;
    for (const uint32_t arg : node.args) {
      args.push_back(Eval(arg, rows, frame));
      has_nulls = has_nulls || args.back()->has_nulls();
      if (node.propagates_null && IsConstantNull(*args.back()))
        return Column::Constant(node.expr->type, data::Value::Null(), frame.length);
    }
    if (!node.propagates_null || !has_nulls)
      return CallKernel(node, args, rows, frame, frame.errors);
    // Rows with a NULL argument are NULL, whatever the kernel makes of its zero.
    RowErrors errors(frame.length);
    ColumnPtr result = CallKernel(node, args, rows, frame, &errors);
    for (const data::RowError& error : errors.errors()) {
      if (std::ranges::none_of(args, [&](const auto& arg) { return arg->IsNull(error.row); }))
        frame.errors->Add(error.row, error.condition, error.message);
    }
    return Column::WithNullsOf(std::move(result), args);
  }

  static bool IsConstantNull(const Column& column) {
    return column.is_constant() && column.length() > 0 && column.IsNull(0);
  }

  ColumnPtr CallKernel(const Node& node, const std::vector<ColumnPtr>& args, const RowSet& rows,
                       Frame& frame, RowErrors* errors) {
    KernelCall call{args, node.expr->type, frame.length, rows, *errors, context_, {}};
    if (!node.lambdas.empty()) {
      call.apply = [&](size_t lambda, std::span<const ColumnPtr> parameters,
                       std::span<const uint32_t> outer_rows) {
        return Apply(node.lambdas[lambda], parameters, outer_rows, frame, *errors);
      };
    }
    return node.kernel(call);
  }

  // A lambda over elements: errors of elements are their rows' errors.
  ColumnPtr Apply(uint32_t body, std::span<const ColumnPtr> parameters,
                  std::span<const uint32_t> outer_rows, Frame& outer, RowErrors& outer_errors) {
    RowErrors errors(outer_rows.size());
    Frame frame{.length = outer_rows.size(), .errors = &errors, .outer = &outer};
    frame.outer_rows = outer_rows;
    frame.known.resize(program_.nodes().size());
    for (const ColumnPtr& variable : outer.variables)
      frame.variables.push_back(Column::Take(variable, outer_rows));
    frame.variables.insert(frame.variables.end(), parameters.begin(), parameters.end());
    ColumnPtr result = Eval(body, RowSet::All(frame.length), frame);
    for (const data::RowError& error : errors.errors())
      outer_errors.Add(outer_rows[error.row], error.condition, error.message);
    return result;
  }

  // AND and OR: an argument is evaluated for the rows that no earlier one has decided.
  ColumnPtr Logic(const Node& node, const RowSet& rows, Frame& frame) {
    const uint8_t deciding = node.expr->kind == ExprKind::kOr ? 1 : 0;
    ColumnBuilder out(DataType::Boolean(), frame.length);
    uint8_t* values = out.Values<uint8_t>();
    std::vector<uint64_t> valid((frame.length + 63) / 64, ~uint64_t{0});
    std::ranges::fill(values, values + frame.length, static_cast<uint8_t>(1 - deciding));
    std::vector<uint32_t> open = RowsOf(rows);
    for (const uint32_t arg : node.args) {
      if (open.empty()) break;
      const ColumnPtr column = EvalFor(arg, open, rows, frame);
      const data::Reader<uint8_t> reader(*column);
      size_t kept = 0;
      for (const uint32_t row : open) {
        const bool null = column->IsNull(row);
        if (!null && reader[row] == deciding) {
          values[row] = deciding;
          data::SetBit(valid.data(), row);
          continue;
        }
        if (null) data::ClearBit(valid.data(), row);
        open[kept++] = row;
      }
      open.resize(kept);
    }
    out.SetValidity(std::move(valid));
    return std::move(out).Finish();
  }

  // Evaluates for `open`, some of `rows`; all of them need no scope of their own.
  ColumnPtr EvalFor(uint32_t id, const std::vector<uint32_t>& open, const RowSet& rows,
                    Frame& frame) {
    if (open.size() == rows.count()) return Eval(id, rows, frame);
    const Scope scope(frame);
    return Eval(id, RowSet::Of(open), frame);
  }

  ColumnPtr Case(const Node& node, const RowSet& rows, Frame& frame) {
    std::vector<uint32_t> open = RowsOf(rows);
    std::vector<Branch> branches;
    for (size_t i = 0; i + 1 < node.args.size() && !open.empty(); i += 2) {
      const ColumnPtr condition = EvalFor(node.args[i], open, rows, frame);
      std::vector<uint32_t> chosen = SelectTrue(*condition, RowSet::Of(open));
      if (chosen.empty()) continue;
      std::vector<uint32_t> left;
      std::ranges::set_difference(open, chosen, std::back_inserter(left));
      ColumnPtr column = EvalFor(node.args[i + 1], chosen, rows, frame);
      branches.push_back({std::move(column), std::move(chosen)});
      open = std::move(left);
    }
    if (node.args.size() % 2 == 1 && !open.empty()) {
      ColumnPtr column = EvalFor(node.args.back(), open, rows, frame);
      branches.push_back({std::move(column), std::move(open)});
    }
    return MergeBranches(node.expr->type, frame.length, rows.count(), branches);
  }

  ColumnPtr Coalesce(const Node& node, const RowSet& rows, Frame& frame) {
    std::vector<uint32_t> open = RowsOf(rows);
    std::vector<Branch> branches;
    for (const uint32_t arg : node.args) {
      if (open.empty()) break;
      ColumnPtr column = EvalFor(arg, open, rows, frame);
      std::vector<uint32_t> filled;
      std::vector<uint32_t> left;
      for (const uint32_t row : open) (column->IsNull(row) ? left : filled).push_back(row);
      if (filled.empty()) continue;
      branches.push_back({std::move(column), std::move(filled)});
      open = std::move(left);
    }
    return MergeBranches(node.expr->type, frame.length, rows.count(), branches);
  }

  ColumnPtr In(const Node& node, const RowSet& rows, Frame& frame) {
    const ColumnPtr x = Eval(node.args[0], rows, frame);
    if (node.in_set) return node.in_set->Lookup(*x, rows);
    ColumnBuilder out(DataType::Boolean(), frame.length);
    std::vector<uint32_t> open;
    rows.ForEach([&](size_t row) {
      if (x->IsNull(row)) return out.SetNull(row);
      open.push_back(static_cast<uint32_t>(row));
    });
    for (size_t i = 1; i < node.args.size() && !open.empty(); ++i) {
      const ColumnPtr item = EvalFor(node.args[i], open, rows, frame);
      std::erase_if(open, [&](uint32_t row) {
        if (item->IsNull(row)) {
          out.SetNull(row);
          return false;
        }
        if (!EqualAt(*x, *item, row)) return false;
        out.Values<uint8_t>()[row] = 1;
        return true;
      });
    }
    return FoundOrNull(std::move(out));
  }

  // A match makes the row true even where an earlier item of the list was NULL.
  static ColumnPtr FoundOrNull(ColumnBuilder out) {
    std::vector<uint64_t> valid((out.length() + 63) / 64, 0);
    for (size_t row = 0; row < out.length(); ++row) {
      if (out.Values<uint8_t>()[row] != 0 || !out.IsNull(row)) data::SetBit(valid.data(), row);
    }
    out.SetValidity(std::move(valid));
    return std::move(out).Finish();
  }

  ColumnPtr Try(const Node& node, const RowSet& rows, Frame& frame) {
    const Scope scope(frame);
    RowErrors errors(frame.length);
    RowErrors* const kept = std::exchange(frame.errors, &errors);
    ColumnPtr column = Eval(node.args[0], rows, frame);
    frame.errors = kept;
    if (errors.empty()) return column;
    ColumnBuilder failed(DataType::Boolean(), frame.length);
    for (const data::RowError& error : errors.errors()) failed.SetNull(error.row);
    const ColumnPtr mask = std::move(failed).Finish();
    return Column::WithNullsOf(std::move(column), {&mask, 1});
  }

  const Program& program_;
  const EvalContext& context_;
};

class CompiledEvaluator : public Evaluator {
 public:
  explicit CompiledEvaluator(Program program) : program_(std::move(program)) {}

  std::vector<ColumnPtr> Evaluate(const Batch& input, const RowSet& rows,
                                  const EvalContext& context, RowErrors& errors) const override {
    Frame frame{.input = &input, .length = input.rows, .errors = &errors};
    frame.known.resize(program_.nodes().size());
    Run run(program_, context);
    std::vector<ColumnPtr> columns;
    columns.reserve(program_.results().size());
    for (const uint32_t node : program_.results()) columns.push_back(run.Eval(node, rows, frame));
    return columns;
  }

 private:
  Program program_;
};

}  // namespace

Result<std::unique_ptr<Evaluator>> Evaluator::Make(std::span<const sql::ExprPtr> expressions) {
  MR_ASSIGN(Program program, Program::Compile(expressions));
  return std::make_unique<CompiledEvaluator>(std::move(program));
}

std::vector<uint32_t> SelectTrue(const Column& condition, const RowSet& rows) {
  std::vector<uint32_t> selected;
  selected.reserve(rows.count());
  const data::Reader<uint8_t> values(condition);
  rows.ForEach([&](size_t row) {
    if (values[row] != 0 && !condition.IsNull(row)) selected.push_back(static_cast<uint32_t>(row));
  });
  return selected;
}

}  // namespace millrace::engine
