#include "engine/stream/operators.h"

namespace millrace::engine {
namespace {

constexpr std::string_view kExpressionStage = "expression";

class Filter final : public Operator {
 public:
  explicit Filter(std::unique_ptr<Evaluator> predicates) : predicates_(std::move(predicates)) {}

  Status Apply(Rows rows, ChunkContext& context, const NextOperator& next) const override {
    data::RowErrors errors(rows.batch.rows);
    const std::vector<data::ColumnPtr> held = predicates_->Evaluate(
        rows.batch, data::RowSet::All(rows.batch.rows), context.For(rows), errors);
    std::vector<uint32_t> kept;
    kept.reserve(rows.batch.rows);
    for (uint32_t row = 0; row < rows.batch.rows; ++row) {
      bool keep = errors.Has(row);  // leaves below, as a refusal
      if (!keep) {
        keep = true;
        for (const data::ColumnPtr& column : held) {
          keep = keep && !column->IsNull(row) &&
                 column->Values<uint8_t>()[row * column->Stride()] != 0;
        }
      }
      if (keep) kept.push_back(row);
    }
    if (!errors.empty()) return NextAfterErrors(std::move(rows), errors, kept, context, next);
    KeepRows(rows, kept);
    return next(std::move(rows));
  }

 private:
  // Refuses the rows with errors and keeps those of `kept` without.
  static Status NextAfterErrors(Rows rows, const data::RowErrors& errors,
                                const std::vector<uint32_t>& kept, ChunkContext& context,
                                const NextOperator& next) {
    std::vector<uint32_t> good;
    std::vector<bool> is_kept(rows.batch.rows, false);
    for (const uint32_t row : kept) is_kept[row] = !errors.Has(row);
    uint32_t after = 0;  // number of the row once the refused ones are gone
    for (uint32_t row = 0; row < rows.batch.rows; ++row) {
      if (errors.Has(row)) continue;
      if (is_kept[row]) good.push_back(after);
      ++after;
    }
    RefuseRows(rows, errors, kExpressionStage, context);
    KeepRows(rows, good);
    return next(std::move(rows));
  }

  std::unique_ptr<Evaluator> predicates_;
};

class Project final : public Operator {
 public:
  Project(std::unique_ptr<Evaluator> expressions, std::shared_ptr<const data::Schema> schema)
      : expressions_(std::move(expressions)), schema_(std::move(schema)) {}

  Status Apply(Rows rows, ChunkContext& context, const NextOperator& next) const override {
    data::RowErrors errors(rows.batch.rows);
    rows.batch.columns = expressions_->Evaluate(rows.batch, data::RowSet::All(rows.batch.rows),
                                                context.For(rows), errors);
    rows.batch.schema = schema_;
    RefuseRows(rows, errors, kExpressionStage, context);
    return next(std::move(rows));
  }

 private:
  std::unique_ptr<Evaluator> expressions_;
  std::shared_ptr<const data::Schema> schema_;
};

// explode, posexplode and inline: a row for each element.
class Generate final : public Operator {
 public:
  Generate(std::unique_ptr<Evaluator> generator, const sql::Plan& node, bool unfolds_structs)
      : generator_(std::move(generator)),
        schema_(std::make_shared<const data::Schema>(node.schema)),
        outer_(node.generator_outer),
        position_(node.generator_position),
        unfolds_structs_(unfolds_structs) {}

  Status Apply(Rows rows, ChunkContext& context, const NextOperator& next) const override {
    data::RowErrors errors(rows.batch.rows);
    const std::vector<data::ColumnPtr> generated = generator_->Evaluate(
        rows.batch, data::RowSet::All(rows.batch.rows), context.For(rows), errors);
    rows.batch.columns.push_back(data::Column::Flatten(generated[0]));
    RefuseRows(rows, errors, kExpressionStage, context);
    const data::ColumnPtr collections = rows.batch.columns.back();
    rows.batch.columns.pop_back();

    Part part;
    for (uint32_t row = 0; row < rows.batch.rows; ++row) {
      const uint32_t record = rows.record[row];
      if (row == 0 || record != rows.record[row - 1]) part.ordinal = 0;
      const int32_t begin = collections->Offsets()[row];
      const int32_t end = collections->Offsets()[row + 1];
      if (begin == end && outer_) part.Add(row, -1, -1);
      for (int32_t element = begin; element < end; ++element) {
        part.Add(row, element, element - begin);
        if (part.row.size() < kRowsPerPart) continue;
        MR_TRY(next(Make(rows, *collections, part)));
        part.Clear();
      }
    }
    return next(Make(rows, *collections, part));
  }

 private:
  struct Part {
    std::vector<uint32_t> row;      // of the input
    std::vector<int32_t> element;   // of the collections' child columns; -1: none
    std::vector<int32_t> position;  // in its collection
    std::vector<uint32_t> ordinals;
    uint32_t ordinal = 0;  // of the record's next row

    void Add(uint32_t from, int32_t element_row, int32_t place) {
      row.push_back(from);
      element.push_back(element_row);
      position.push_back(place);
      ordinals.push_back(ordinal++);
    }
    void Clear() {
      row.clear();
      element.clear();
      position.clear();
      ordinals.clear();
    }
  };

  Rows Make(const Rows& input, const data::Column& collections, const Part& part) const {
    Rows out;
    out.batch.schema = schema_;
    out.batch.rows = part.row.size();
    for (const data::ColumnPtr& column : input.batch.columns)
      out.batch.columns.push_back(data::Column::Take(column, part.row));
    if (position_) out.batch.columns.push_back(Positions(part));
    for (const data::ColumnPtr& child : collections.children()) {
      const data::ColumnPtr elements = TakeOrNull(child, part.element);
      if (unfolds_structs_) {
        for (const data::ColumnPtr& field : elements->children())
          out.batch.columns.push_back(field);
      } else {
        out.batch.columns.push_back(elements);
      }
    }
    out.ordinal = part.ordinals;
    for (size_t i = 0; i < part.row.size(); ++i) {
      out.record.push_back(input.record[part.row[i]]);
      out.place.push_back(PlaceOf(input.place[part.row[i]], part.position[i]));
    }
    return out;
  }

  static data::ColumnPtr Positions(const Part& part) {
    data::ColumnBuilder out(data::DataType::Int(), part.position.size());
    for (size_t i = 0; i < part.position.size(); ++i) {
      if (part.position[i] < 0) {
        out.SetNull(i);
      } else {
        out.Values<int32_t>()[i] = part.position[i];
      }
    }
    return std::move(out).Finish();
  }

  // The first element keeps its record's place, so that explode of one element changes nothing.
  static int64_t PlaceOf(int64_t place, int32_t position) {
    const auto step = static_cast<uint64_t>(position < 0 ? 0 : position);
    return static_cast<int64_t>(static_cast<uint64_t>(place) ^ (step * 0x9e3779b97f4a7c15ULL));
  }

  std::unique_ptr<Evaluator> generator_;
  std::shared_ptr<const data::Schema> schema_;
  bool outer_;
  bool position_;
  bool unfolds_structs_;
};

Result<std::unique_ptr<Evaluator>> Compile(std::vector<sql::ExprPtr> expressions) {
  return Evaluator::Make(expressions);
}

}  // namespace

Result<OperatorPtr> MakeFilter(std::vector<sql::ExprPtr> predicates) {
  MR_ASSIGN(auto compiled, Compile(std::move(predicates)));
  return std::make_shared<const Filter>(std::move(compiled));
}

Result<OperatorPtr> MakeFilter(const sql::Plan& node) { return MakeFilter({node.predicate}); }

Result<OperatorPtr> MakeProject(const sql::Plan& node) {
  MR_ASSIGN(auto compiled, Compile(node.expressions));
  return std::make_shared<const Project>(std::move(compiled),
                                         std::make_shared<const data::Schema>(node.schema));
}

Result<OperatorPtr> MakeGenerate(const sql::Plan& node) {
  const data::DataType& type = node.generator->type;
  if (type.kind() != data::TypeKind::kArray && type.kind() != data::TypeKind::kMap) {
    return Fail(ErrorCode::kInternal, "generator of type {} is neither array nor map",
                type.ToString());
  }
  MR_ASSIGN(auto compiled, Compile({node.generator}));
  // explode of an array of structs gives the struct, inline its fields: the output tells which.
  const bool unfolds_structs = type.kind() == data::TypeKind::kArray &&
                               type.element().kind() == data::TypeKind::kStruct &&
                               !(*node.schema.fields.back().type == type.element());
  return std::make_shared<const Generate>(std::move(compiled), node, unfolds_structs);
}

Status RunOperators(std::span<const OperatorPtr> operators, size_t first, Rows rows,
                    ChunkContext& context, const NextOperator& last) {
  if (rows.batch.rows == 0) return {};
  if (first == operators.size()) return last(std::move(rows));
  return operators[first]->Apply(std::move(rows), context, [&](Rows made) {
    return RunOperators(operators, first + 1, std::move(made), context, last);
  });
}

}  // namespace millrace::engine
