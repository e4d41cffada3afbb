// What one core does to user records: JSON into columns, and the created_users expressions over
// them, apart from each other. Not part of run.sh: pipeline_bench measures both as the product runs
// them.
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>

#include "base/heap.h"
#include "data/iso_time.h"
#include "data/json_reader.h"
#include "engine/cast.h"
#include "engine/evaluator.h"
#include "sql/plan.h"
#include "user_records.h"

namespace millrace::bench {
namespace {

using data::DataType;
using data::Field;
using data::Schema;

constexpr size_t kRecords = 4096;
constexpr size_t kPadding = 64;

// The fields that created_users uses.
Schema UsedSchema() {
  const DataType street =
      DataType::Struct({{"number", DataType::Int()}, {"name", DataType::String()}});
  return {{Field("gender", DataType::String()),
           Field("name",
                 DataType::Struct({{"first", DataType::String()}, {"last", DataType::String()}})),
           Field("location", DataType::Struct({{"street", street},
                                               {"city", DataType::String()},
                                               {"state", DataType::String()},
                                               {"country", DataType::String()},
                                               {"postcode", DataType::String()}})),
           Field("email", DataType::String()),
           Field("login", DataType::Struct(
                              {{"uuid", DataType::String()}, {"username", DataType::String()}})),
           Field("dob", DataType::Struct({{"date", DataType::Timestamp()}})),
           Field("registered", DataType::Struct({{"date", DataType::Timestamp()}})),
           Field("phone", DataType::String()),
           Field("picture", DataType::Struct({{"large", DataType::String()}}))}};
}

// Records side by side, as they lie in a log's batch.
struct Input {
  std::string bytes;
  std::vector<std::string_view> records;

  Input() {
    UserRecords users(1);
    std::vector<size_t> sizes;
    for (size_t i = 0; i < kRecords; ++i) {
      const UserRecord user = users.Next();
      bytes += user.value;
      sizes.push_back(user.value.size());
    }
    const size_t size = bytes.size();
    bytes.resize(size + kPadding);
    size_t at = 0;
    for (const size_t record : sizes) {
      records.push_back(std::string_view(bytes).substr(at, record));
      at += record;
    }
  }
};

data::Batch ReadOnce(const Input& input) {
  const data::Owner owner = std::make_shared<const int>(0);  // `input` owns the bytes
  data::RowErrors errors(kRecords);
  std::vector<uint32_t> good;
  return data::JsonReader::Make(UsedSchema()).value()->ReadGood(input.records, owner, errors, good);
}

void ReadUserRecords(benchmark::State& state) {
  const Input input;
  const auto reader = data::JsonReader::Make(UsedSchema()).value();
  const data::Owner owner = std::make_shared<const int>(0);  // `input` owns the bytes
  std::vector<uint32_t> good;
  for (auto _ : state) {
    data::RowErrors errors(kRecords);
    benchmark::DoNotOptimize(reader->ReadGood(input.records, owner, errors, good));
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kRecords));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * input.bytes.size()));
}
BENCHMARK(ReadUserRecords);

const std::vector<std::string> kExpressions = {
    "login.uuid",
    "concat_ws(' ', name.first, name.last)",
    "concat_ws(', ', concat_ws(' ', CAST(location.street.number AS STRING), location.street.name), "
    "location.city, location.state, location.country)",
    "upper(location.country)",
    "lower(split_part(email, '@', -1))",
    "CAST(floor(months_between(current_date(), CAST(dob.date AS DATE)) / 12) AS INT)",
    "CAST(floor(months_between(current_date(), CAST(dob.date AS DATE)) / 12) AS INT) >= 18",
    "date_format(registered.date, 'yyyy-MM')",
};

void Evaluate(benchmark::State& state, const std::vector<std::string>& texts) {
  const Input input;
  const data::Batch batch = ReadOnce(input);
  std::vector<sql::ExprPtr> exprs;
  for (const std::string& text : texts) {
    const sql::BoundExpr bound = sql::BindExpression(text, UsedSchema(), {});
    if (!bound.expr) return state.SkipWithError(bound.errors[0].message.c_str());
    exprs.push_back(bound.expr);
  }
  const auto evaluator = engine::Evaluator::Make(exprs).value();
  engine::EvalContext context;
  context.now_us = 1'750'000'000'000'000;
  for (auto _ : state) {
    data::RowErrors errors(batch.rows);
    benchmark::DoNotOptimize(
        evaluator->Evaluate(batch, data::RowSet::All(batch.rows), context, errors));
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * batch.rows));
}

void EvaluateCreatedUsers(benchmark::State& state) { Evaluate(state, kExpressions); }
BENCHMARK(EvaluateCreatedUsers);
void EvaluateOne(benchmark::State& state) {
  const std::string& text = kExpressions[static_cast<size_t>(state.range(0))];
  state.SetLabel(text.substr(0, 60));
  Evaluate(state, {text});
}
BENCHMARK(EvaluateOne)->DenseRange(0, static_cast<int64_t>(kExpressions.size()) - 1);

void CastTexts(benchmark::State& state, const std::string& text, const DataType& to) {
  const std::vector<data::Value> values(kRecords, data::Value::String(text));
  const data::ColumnPtr column = data::ColumnFromValues(DataType::String(), values);
  const auto cast = engine::MakeCast(DataType::String(), to, sql::CastMode::kAnsi).value();
  const engine::EvalContext context;
  for (auto _ : state) {
    data::RowErrors errors(kRecords);
    benchmark::DoNotOptimize(cast({column, data::RowSet::All(kRecords), context, errors}));
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kRecords));
}
void CastIsoTimestamp(benchmark::State& state) {
  CastTexts(state, "2024-02-29T12:34:56.789Z", DataType::Timestamp());
}
BENCHMARK(CastIsoTimestamp);
void CastPlainTimestamp(benchmark::State& state) {
  CastTexts(state, "2024-02-29 12:34:56", DataType::Timestamp());
}
BENCHMARK(CastPlainTimestamp);
void CastDate(benchmark::State& state) { CastTexts(state, "2024-02-29", DataType::Date()); }
BENCHMARK(CastDate);

}  // namespace
}  // namespace millrace::bench

int main(int argc, char** argv) {
  millrace::KeepFreedMemory();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
