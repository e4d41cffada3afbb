// The look-up join: input rows with the rows of a reference or table that their keys match.
#include <algorithm>

#include "engine/stream/operators.h"

namespace millrace::engine {
namespace {

// Which input row goes with which row of the table; -1: with none (NULLs).
struct Pairs {
  std::vector<uint32_t> input;
  std::vector<int32_t> table;
};

class Lookup final : public Operator {
 public:
  Lookup(std::unique_ptr<Evaluator> keys, std::unique_ptr<Evaluator> condition,
         const sql::Plan& node, size_t lookup)
      : keys_(std::move(keys)),
        condition_(std::move(condition)),
        schema_(std::make_shared<const data::Schema>(node.schema)),
        outer_(node.lookup_outer),
        lookup_(lookup) {}

  Status Apply(Rows rows, ChunkContext& context, const NextOperator& next) const override {
    data::RowErrors errors(rows.batch.rows);
    std::vector<data::ColumnPtr> keys =
        keys_->Evaluate(rows.batch, data::RowSet::All(rows.batch.rows), context.For(rows), errors);
    const size_t input_columns = rows.batch.columns.size();
    for (data::ColumnPtr& key : keys) rows.batch.columns.push_back(std::move(key));
    RefuseRows(rows, errors, "expression", context);
    keys.assign(rows.batch.columns.begin() + static_cast<ptrdiff_t>(input_columns),
                rows.batch.columns.end());
    rows.batch.columns.resize(input_columns);
    if (rows.batch.rows == 0) return {};

    MR_ASSIGN(LookupMatches matches, context.lookups[lookup_]->Find(keys, rows.batch.rows));
    if (condition_ != nullptr) HoldCondition(rows, matches, context);
    return HandOn(std::move(rows), matches, next);
  }

 private:
  // Leaves the matches for which the rest of ON is true.
  void HoldCondition(Rows& rows, LookupMatches& matches, ChunkContext& context) const {
    Pairs pairs;
    pairs.input = matches.key_rows;
    pairs.table.assign(matches.table_rows.begin(), matches.table_rows.end());
    const Rows joined = Join(rows, matches.table, pairs, 0, pairs.input.size());
    data::RowErrors errors(joined.batch.rows);
    const auto held = condition_->Evaluate(joined.batch, data::RowSet::All(joined.batch.rows),
                                           context.For(joined), errors);
    data::RowErrors refused(rows.batch.rows);  // an error of one match refuses the input row
    for (const data::RowError& error : errors.errors())
      refused.Add(pairs.input[error.row], error.condition, error.message);
    std::vector<uint32_t> number(rows.batch.rows);  // of an input row once refused ones are gone
    uint32_t after = 0;
    for (uint32_t row = 0; row < rows.batch.rows; ++row) {
      number[row] = after;
      if (!refused.Has(row)) ++after;
    }
    LookupMatches kept{std::move(matches.table), {}, {}};
    for (const uint32_t match : SelectTrue(*held[0], data::RowSet::All(joined.batch.rows))) {
      if (refused.Has(pairs.input[match])) continue;
      kept.key_rows.push_back(number[pairs.input[match]]);
      kept.table_rows.push_back(matches.table_rows[match]);
    }
    RefuseRows(rows, refused, "expression", context);
    matches = std::move(kept);
  }

  Status HandOn(Rows rows, const LookupMatches& matches, const NextOperator& next) const {
    Pairs pairs;
    pairs.input.reserve(rows.batch.rows);
    pairs.table.reserve(rows.batch.rows);
    size_t match = 0;
    for (uint32_t row = 0; row < rows.batch.rows; ++row) {
      const size_t first = match;
      for (; match < matches.key_rows.size() && matches.key_rows[match] == row; ++match) {
        pairs.input.push_back(row);
        pairs.table.push_back(static_cast<int32_t>(matches.table_rows[match]));
      }
      if (match == first && outer_) {
        pairs.input.push_back(row);
        pairs.table.push_back(-1);
      }
    }
    const bool one_each = pairs.input.size() == rows.batch.rows && MatchesOnce(pairs);
    if (one_each) return next(Widen(std::move(rows), matches.table, pairs));
    for (size_t at = 0; at < pairs.input.size(); at += kRowsPerPart) {
      const size_t count = std::min(kRowsPerPart, pairs.input.size() - at);
      MR_TRY(next(Join(rows, matches.table, pairs, at, count)));
    }
    return {};
  }

  // The rows as they are, for each of which there is one pair, with the table's columns.
  Rows Widen(Rows rows, const data::Batch& table, const Pairs& pairs) const {
    rows.batch.schema = schema_;
    for (const data::ColumnPtr& column : table.columns)
      rows.batch.columns.push_back(TakeOrNull(column, pairs.table));
    return rows;
  }

  // Pairs [at, at + count) as rows.
  Rows Join(const Rows& rows, const data::Batch& table, const Pairs& pairs, size_t at,
            size_t count) const {
    const auto input = std::span(pairs.input).subspan(at, count);
    Rows out;
    out.batch.schema = schema_;
    out.batch.rows = count;
    for (const data::ColumnPtr& column : rows.batch.columns)
      out.batch.columns.push_back(data::Column::Take(column, input));
    for (const data::ColumnPtr& column : table.columns)
      out.batch.columns.push_back(TakeOrNull(column, std::span(pairs.table).subspan(at, count)));
    const bool once = MatchesOnce(pairs);
    for (size_t i = 0; i < count; ++i) {
      out.record.push_back(rows.record[input[i]]);
      out.place.push_back(rows.place[input[i]]);
      if (once && !rows.ordinal.empty()) out.ordinal.push_back(rows.ordinal[input[i]]);
    }
    if (!once) NumberRows(rows, pairs, at, count, out.ordinal);
    return out;
  }

  static bool MatchesOnce(const Pairs& pairs) {
    return std::ranges::adjacent_find(pairs.input) == pairs.input.end();
  }

  // Numbers the rows of each record anew, since one row may have become several.
  static void NumberRows(const Rows& rows, const Pairs& pairs, size_t at, size_t count,
                         std::vector<uint32_t>& ordinals) {
    size_t start = at;
    while (start > 0 && rows.record[pairs.input[start - 1]] == rows.record[pairs.input[at]])
      --start;
    uint32_t ordinal = 0;
    for (size_t i = start; i < at + count; ++i) {
      if (i > start && rows.record[pairs.input[i]] != rows.record[pairs.input[i - 1]]) ordinal = 0;
      if (i >= at) ordinals.push_back(ordinal);
      ++ordinal;
    }
  }

  std::unique_ptr<Evaluator> keys_;
  std::unique_ptr<Evaluator> condition_;  // null: the keys decide alone
  std::shared_ptr<const data::Schema> schema_;
  bool outer_;
  size_t lookup_;
};

}  // namespace

Result<OperatorPtr> MakeLookup(const sql::Plan& node, size_t lookup) {
  MR_ASSIGN(auto keys, Evaluator::Make(node.lookup_keys));
  std::unique_ptr<Evaluator> condition;
  if (node.lookup_condition != nullptr) {
    MR_ASSIGN(condition, Evaluator::Make(std::span(&node.lookup_condition, 1)));
  }
  return std::make_shared<const Lookup>(std::move(keys), std::move(condition), node, lookup);
}

}  // namespace millrace::engine
