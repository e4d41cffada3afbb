#include "engine/stream/testing_plans.h"

namespace millrace::engine::testing {
namespace {

using data::DataType;
using data::Value;

sql::ExprPtr In(sql::ExprPtr value, std::vector<sql::ExprPtr> choices) {
  auto expr = std::make_shared<sql::Expr>();
  expr->kind = sql::ExprKind::kIn;
  expr->type = DataType::Boolean();
  expr->args = {std::move(value)};
  for (sql::ExprPtr& choice : choices) expr->args.push_back(std::move(choice));
  return expr;
}

sql::ExprPtr Cast(sql::ExprPtr value, const DataType& type) {
  auto expr = std::make_shared<sql::Expr>();
  expr->kind = sql::ExprKind::kCast;
  expr->type = type;
  expr->args = {std::move(value)};
  return expr;
}

sql::ExprPtr Text(const std::string& text) {
  return sql::MakeLiteral(DataType::String(), Value::String(text));
}

sql::ExprPtr Column(const data::Schema& schema, int ordinal) {
  const data::Field& field = schema.fields[static_cast<size_t>(ordinal)];
  return sql::MakeColumn(ordinal, *field.type, field.nullable);
}

class FixedLookup final : public LookupSource {
 public:
  explicit FixedLookup(LookupTablePtr table) : table_(std::move(table)) {}
  Result<LookupTablePtr> Current() override { return table_; }
  Result<LookupTablePtr> At(uint64_t version) override {
    if (version != table_->version()) return Fail(ErrorCode::kNotFound, "no version {}", version);
    return table_;
  }
  void Keep(std::span<const uint64_t>) override {}

 private:
  LookupTablePtr table_;
};

LookupTablePtr Kinds(const data::Schema& schema) {
  const Value kinds[] = {Value::String("a"), Value::String("b")};
  const Value labels[] = {Value::String("ay"), Value::String("bee")};
  data::Batch batch;
  batch.schema = std::make_shared<const data::Schema>(schema);
  batch.columns = {data::ColumnFromValues(DataType::String(), kinds),
                   data::ColumnFromValues(DataType::String(), labels)};
  batch.rows = 2;
  const int key = 0;
  return MakeBatchLookup(std::move(batch), {&key, 1}, 42);
}

// in LATERAL VIEW OUTER explode(tags), kinds looked up: id, kind, score, tags, tag, kind, label.
sql::PlanPtr TagsWithLabels() {
  const data::Schema in{{{"id", DataType::String()},
                         {"kind", DataType::String()},
                         {"score", DataType::String()},
                         {"tags", DataType::Array(DataType::String())}}};
  auto filter = std::make_shared<sql::Plan>();
  filter->kind = sql::PlanKind::kFilter;
  filter->inputs = {StreamScan("in", in)};
  filter->schema = in;
  filter->predicate = In(Column(in, 1), {Text("a"), Text("b"), Text("c")});

  auto generate = std::make_shared<sql::Plan>();
  generate->kind = sql::PlanKind::kGenerate;
  generate->inputs = {filter};
  generate->generator = Column(in, 3);
  generate->generator_outer = true;
  generate->schema = in;
  generate->schema.fields.push_back({"tag", DataType::String()});

  const data::Schema kinds{{{"kind", DataType::String()}, {"label", DataType::String()}}};
  auto lookup = std::make_shared<sql::Plan>();
  lookup->kind = sql::PlanKind::kLookup;
  lookup->inputs = {generate};
  lookup->relation.name = "kinds";
  lookup->relation.kind = sql::RelationKind::kReference;
  lookup->relation.schema = kinds;
  lookup->lookup_keys = {Column(in, 1)};
  lookup->lookup_columns = {0};
  lookup->lookup_outer = true;
  lookup->schema = generate->schema;
  for (const data::Field& field : kinds.fields) lookup->schema.fields.push_back(field);
  return lookup;
}

}  // namespace

sql::PlanPtr StreamScan(const std::string& topic, data::Schema schema) {
  auto scan = std::make_shared<sql::Plan>();
  scan->kind = sql::PlanKind::kScan;
  scan->schema = schema;
  scan->relation.name = topic;
  scan->relation.kind = sql::RelationKind::kStream;
  scan->relation.schema = std::move(schema);
  return scan;
}

sql::PlanPtr CountByWindow(const std::string& topic, int64_t size_us, int64_t slide_us,
                           int64_t delay_us) {
  const data::Schema in{
      {{"ts", DataType::Timestamp()}, {"k", DataType::String()}, {"v", DataType::Bigint()}}};
  auto scan = std::make_shared<sql::Plan>(*StreamScan(topic, in));
  scan->event_time = 0;
  scan->watermark_delay_us = delay_us;
  auto window = std::make_shared<sql::Plan>();
  window->kind = sql::PlanKind::kWindowAggregate;
  window->inputs = {scan};
  window->window_time = Column(in, 0);
  window->window_size_us = size_us;
  window->window_slide_us = slide_us;
  window->group_keys = {Column(in, 1)};
  window->schema.fields.emplace_back("window", DataType::Struct({{"start", DataType::Timestamp()},
                                                                 {"end", DataType::Timestamp()}}));
  window->schema.fields.emplace_back("k", DataType::String());
  for (const sql::AggregateKind kind : {sql::AggregateKind::kCountStar, sql::AggregateKind::kSum,
                                        sql::AggregateKind::kMax, sql::AggregateKind::kFirst}) {
    sql::AggregateCall call;
    call.kind = kind;
    call.type = DataType::Bigint();
    if (kind != sql::AggregateKind::kCountStar) call.args = {Column(in, 2)};
    window->aggregates.push_back(std::move(call));
    window->schema.fields.emplace_back(fmt::format("a{}", window->aggregates.size()),
                                       DataType::Bigint());
  }
  return window;
}

QuerySpec TagsQuery(FakeWorld& world) {
  const sql::PlanPtr joined = TagsWithLabels();
  auto project = std::make_shared<sql::Plan>();
  project->kind = sql::PlanKind::kProject;
  project->inputs = {joined};
  project->expressions = {Column(joined->schema, 0), Column(joined->schema, 4),
                          Cast(Column(joined->schema, 2), DataType::Int()),
                          Column(joined->schema, 6)};
  project->schema = {{{"id", DataType::String()},
                      {"tag", DataType::String()},
                      {"score", DataType::Int()},
                      {"label", DataType::String()}}};

  const LookupTablePtr kinds =
      Kinds({{{"kind", DataType::String()}, {"label", DataType::String()}}});
  world.lookups = [kinds](const sql::Plan&) -> Result<std::shared_ptr<LookupSource>> {
    return std::make_shared<FixedLookup>(kinds);
  };
  QuerySpec spec;
  spec.name = "tags";
  spec.definition = "SELECT id, tag, ...";
  spec.settings.epoch_interval_max = std::chrono::microseconds(0);  // the clock stands still
  std::vector<sql::ExprPtr> scores;
  for (int score = 0; score < 90; ++score)
    scores.push_back(sql::MakeLiteral(DataType::Int(), Value::Int(score)));
  spec.expectations = {{"positive", In(Column(project->schema, 2), std::move(scores)), ""}};
  spec.plan = project;
  spec.tables = {{"t1", std::make_shared<FakeTableWriter>("t1", 2)},
                 {"t2", std::make_shared<FakeTableWriter>("t2", 1)}};
  spec.topics = {{"copy", "copy", std::make_shared<TextEncoder>(), &world.topics}};
  spec.dead_letters = {"dead", &world.topics};
  return spec;
}

Status TextEncoder::Encode(const data::Batch& batch, data::RowErrors& errors,
                           std::vector<flow::OutRecord>& out) const {
  for (size_t row = 0; row < batch.rows; ++row) {
    if (errors.Has(row)) continue;
    std::string text;
    for (const data::ColumnPtr& column : batch.columns)
      text += data::FormatValue(column->type(), column->ValueAt(row)) + "|";
    out.push_back({std::nullopt, std::move(text), {}});
  }
  return {};
}

}  // namespace millrace::engine::testing
