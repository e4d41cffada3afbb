#include "engine/stream/result_writer.h"

namespace millrace::engine {

struct ResultWriter::Encoded {
  WrittenRows written;
  std::vector<std::string_view> stages;  // of each error
};

void WrittenRows::Append(WrittenRows&& later) {
  std::move(later.tables.begin(), later.tables.end(), std::back_inserter(tables));
  if (records.empty()) records.resize(later.records.size());
  for (size_t i = 0; i < later.records.size(); ++i) {
    std::move(later.records[i].begin(), later.records[i].end(), std::back_inserter(records[i]));
  }
  rows += later.rows;
}

ResultWriter::ResultWriter(const QuerySpec& spec, std::unique_ptr<Evaluator> conditions)
    : spec_(spec), conditions_(std::move(conditions)) {
  for (const TableSink& table : spec.tables) table_stages_.push_back("table " + table.name);
  for (const TopicSink& topic : spec.topics) topic_stages_.push_back("topic " + topic.name);
}

Result<std::unique_ptr<ResultWriter>> ResultWriter::Make(const QuerySpec& spec) {
  std::unique_ptr<Evaluator> conditions;
  if (!spec.expectations.empty()) {
    std::vector<sql::ExprPtr> expressions;
    for (const Expectation& expectation : spec.expectations)
      expressions.push_back(expectation.condition);
    MR_ASSIGN(conditions, Evaluator::Make(expressions));
  }
  return std::unique_ptr<ResultWriter>(new ResultWriter(spec, std::move(conditions)));
}

Status ResultWriter::Write(Rows rows, ChunkContext& context, WrittenRows& out) const {
  if (conditions_ != nullptr) HoldExpectations(rows, context);
  // A second round only when a sink refused rows: those before it had taken them already.
  while (rows.batch.rows > 0) {
    data::RowErrors errors(rows.batch.rows);
    MR_ASSIGN(Encoded encoded, Encode(rows, context.chunk, errors));
    if (errors.empty()) {
      out.Append(std::move(encoded.written));
      return {};
    }
    RefuseRows(rows, errors, encoded.stages, context);
  }
  return {};
}

void ResultWriter::HoldExpectations(Rows& rows, ChunkContext& context) const {
  data::RowErrors errors(rows.batch.rows);
  const std::vector<data::ColumnPtr> held = conditions_->Evaluate(
      rows.batch, data::RowSet::All(rows.batch.rows), context.For(rows), errors);
  for (size_t i = 0; i < held.size(); ++i) {
    const Expectation& expectation = spec_.expectations[i];
    const data::Column& column = *held[i];
    const data::Reader<uint8_t> holds(column);
    for (size_t row = 0; row < rows.batch.rows; ++row) {
      if (!column.IsNull(row) && holds[row] != 0) continue;
      errors.Add(row, "EXPECT_" + expectation.name,
                 expectation.message.empty()
                     ? fmt::format("the condition {} does not hold", expectation.name)
                     : expectation.message);
    }
  }
  RefuseRows(rows, errors, "expect", context);
}

Result<ResultWriter::Encoded> ResultWriter::Encode(const Rows& rows, const Chunk& chunk,
                                                   data::RowErrors& errors) const {
  Encoded encoded;
  encoded.written.rows = rows.batch.rows;
  std::vector<int64_t> write_us(rows.batch.rows);
  for (size_t row = 0; row < rows.batch.rows; ++row)
    write_us[row] = chunk.write_us[rows.record[row]];
  for (size_t i = 0; i < spec_.tables.size(); ++i) {
    MR_ASSIGN(auto table, spec_.tables[i].writer->Encode(rows.batch, write_us, errors));
    encoded.written.tables.push_back(std::move(table));
    encoded.stages.resize(errors.count(), table_stages_[i]);
  }
  encoded.written.records.resize(spec_.topics.size());
  for (size_t i = 0; i < spec_.topics.size(); ++i) {
    MR_TRY(spec_.topics[i].encoder->Encode(rows.batch, errors, encoded.written.records[i]));
    encoded.stages.resize(errors.count(), topic_stages_[i]);
  }
  return encoded;
}

}  // namespace millrace::engine
