#include "engine/aggregate.h"

#include "engine/aggregate_states.h"

namespace millrace::engine {

using data::ColumnPtr;
using sql::AggregateCall;
using sql::AggregateKind;

namespace {

// count(*) and count(a, b): rows, and rows without NULL in a or b.
class CountStates : public StatesOf<int64_t> {
 public:
  void Update(const AggregateInput& input) override {
    bool has_nulls = false;
    for (const ColumnPtr& arg : input.args) has_nulls = has_nulls || arg->has_nulls();
    ForEachRow(input, [&](size_t row, int64_t& count) {
      if (!has_nulls || !AnyNull(input.args, row)) ++count;
    });
  }
  void Merge(size_t into, const AggregateStates& from, size_t state) override {
    states_[into] += Of(from, state);
  }
  void Serialize(size_t state, std::string& to) const override {
    AppendVarint(to, static_cast<uint64_t>(states_[state]));
  }
  Status MergeSerialized(size_t into, std::string_view& bytes) override {
    ByteReader reader(bytes);
    const uint64_t count = reader.Varint();
    if (!reader.ok()) return DamagedState("count");
    states_[into] += static_cast<int64_t>(count);
    bytes = reader.Rest();
    return {};
  }
  ColumnPtr Finish(std::span<const uint32_t> states, data::RowErrors&) const override {
    data::ColumnBuilder out(data::DataType::Bigint(), states.size());
    for (size_t i = 0; i < states.size(); ++i) out.Values<int64_t>()[i] = states_[states[i]];
    return std::move(out).Finish();
  }
};

std::unique_ptr<AggregateStates> NewStatesFor(const AggregateCall& call) {
  if (call.kind == AggregateKind::kCountStar || call.kind == AggregateKind::kCount)
    return std::make_unique<CountStates>();
  auto states = NewSumStates(call);
  if (!states) states = NewExtremeStates(call);
  if (!states) states = NewChosenStates(call);
  if (!states) states = NewCollectionStates(call);
  if (!states) states = NewCountedStates(call);
  return states;
}

class CallFunction : public AggregateFunction {
 public:
  explicit CallFunction(AggregateCall call) : call_(std::move(call)) {}
  std::unique_ptr<AggregateStates> NewStates() const override { return NewStatesFor(call_); }
  const data::DataType& type() const override { return call_.type; }

 private:
  AggregateCall call_;
};

size_t ArgumentsOf(AggregateKind kind) {
  if (kind == AggregateKind::kMinBy || kind == AggregateKind::kMaxBy ||
      kind == AggregateKind::kPercentile)
    return 2;
  return kind == AggregateKind::kCountStar ? 0 : 1;
}

}  // namespace

Result<std::unique_ptr<AggregateFunction>> AggregateFunction::Make(const AggregateCall& call) {
  if (call.args.size() < ArgumentsOf(call.kind))
    return Fail(ErrorCode::kInternal, "an aggregate lacks arguments");
  if (!NewStatesFor(call)) {
    return Fail(ErrorCode::kUnsupported, "no such aggregate of {}",
                call.args.empty() ? "no argument" : call.args[0]->type.ToDdl());
  }
  return std::make_unique<CallFunction>(call);
}

}  // namespace millrace::engine
