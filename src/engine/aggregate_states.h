// What all aggregate states share, and who makes which. Inside the engine's aggregates only.
#pragma once

#include <memory>
#include <vector>

#include "base/bytes.h"
#include "engine/aggregate.h"

namespace millrace::engine {

// A vector of states of one kind. `State` has an empty default.
template <typename State>
class StatesOf : public AggregateStates {
 public:
  size_t size() const override { return states_.size(); }
  void Resize(size_t count) override { states_.resize(count); }
  void Reset(size_t state) override { states_[state] = State(); }
  size_t MemoryBytes() const override { return states_.capacity() * sizeof(State) + extra_bytes_; }

 protected:
  // f(row, state of the row's group) for each row to take in.
  template <typename F>
  void ForEachRow(const AggregateInput& input, F&& f) {
    input.rows.ForEach([&](size_t row) { f(row, states_[input.groups[row]]); });
  }
  static const State& Of(const AggregateStates& from, size_t state) {
    return static_cast<const StatesOf&>(from).states_[state];
  }

  std::vector<State> states_;
  size_t extra_bytes_ = 0;  // on the heap below the states
};

inline RowPlace PlaceOf(const AggregateInput& input, size_t row) {
  return {.partition = input.partition,
          .offset = input.offsets.empty() ? input.first_row + static_cast<int64_t>(row)
                                          : input.offsets[row],
          .ordinal = input.ordinals.empty() ? 0 : input.ordinals[row]};
}

inline bool AnyNull(std::span<const data::ColumnPtr> args, size_t row) {
  for (const data::ColumnPtr& arg : args) {
    if (arg->IsNull(row)) return true;
  }
  return false;
}

inline std::unexpected<Error> DamagedState(std::string_view aggregate) {
  return Fail(ErrorCode::kDamaged, "stored state of {} cannot be read", aggregate);
}

// Takes `size`-prefixed bytes written by AppendSized; reader.ok() tells.
inline void AppendSized(std::string_view bytes, std::string& to) {
  AppendVarint(to, bytes.size());
  to += bytes;
}
inline std::string_view TakeSized(ByteReader& reader) { return reader.Bytes(reader.Varint()); }

// Each returns nullptr for a kind or argument type that is not its own.
std::unique_ptr<AggregateStates> NewSumStates(const sql::AggregateCall& call);
std::unique_ptr<AggregateStates> NewExtremeStates(const sql::AggregateCall& call);
std::unique_ptr<AggregateStates> NewChosenStates(const sql::AggregateCall& call);
std::unique_ptr<AggregateStates> NewCollectionStates(const sql::AggregateCall& call);
std::unique_ptr<AggregateStates> NewCountedStates(const sql::AggregateCall& call);

}  // namespace millrace::engine
