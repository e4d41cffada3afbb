#include "schedule/dag.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

namespace millrace::schedule {
namespace {

constexpr size_t kIdBytesMax = 250;
constexpr size_t kTasksMax = 1000;
constexpr size_t kUpstreamMax = 1000;

bool IsId(std::string_view id) {
  return !id.empty() && id.size() <= kIdBytesMax && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
}

template <typename T>
Status CheckRange(const std::string& where, std::string_view what, T value, T least, T greatest) {
  if (value >= least && value <= greatest) return {};
  return Fail(ErrorCode::kInvalidArgument, "{}: {} is {}; it must be {} to {}", where, what, value,
              least, greatest);
}

Status CheckTask(const std::string& dag_id, const TaskSpec& task) {
  const std::string where = fmt::format("dag {}, task {}", dag_id, task.id.substr(0, kIdBytesMax));
  if (!IsId(task.id))
    return Fail(ErrorCode::kInvalidArgument, "{}: an id is 1-{} letters, digits, '_', '-' and '.'",
                where, kIdBytesMax);
  MR_TRY(CheckRange(where, "retries", task.retry.retries, 0, 1000));
  MR_TRY(CheckRange(where, "the retry factor", task.retry.factor, 1.0, 100.0));
  MR_TRY(CheckRange(where, "the retry jitter", task.retry.jitter, 0.0, 1.0));
  MR_TRY(
      CheckRange<int64_t>(where, "the retry delay in ms", task.retry.delay.count(), 0, 864000000));
  MR_TRY(CheckRange<int64_t>(where, "the greatest retry delay in ms", task.retry.delay_max.count(),
                             0, 864000000));
  MR_TRY(CheckRange(where, "pool_slots", task.pool_slots, 1, 10000));
  if (task.try_timeout.count() < 0 || task.upstream.size() > kUpstreamMax)
    return Fail(ErrorCode::kInvalidArgument,
                "{}: a negative time-out, or more than {} upstream tasks", where, kUpstreamMax);
  return {};
}

}  // namespace

std::chrono::milliseconds RetryDelay(const RetryPolicy& policy, int failed_tries, uint64_t random) {
  const double most = static_cast<double>(policy.delay_max.count());
  double delay = static_cast<double>(policy.delay.count());
  for (int i = 1; i < failed_tries && delay < most; ++i) delay *= policy.factor;
  delay = std::min(delay, most);
  const double unit = static_cast<double>(random >> 11) * 0x1.0p-53;  // [0, 1)
  delay *= 1 + policy.jitter * (2 * unit - 1);
  return std::chrono::milliseconds(std::llround(std::min(delay, most)));
}

Result<Dag> Dag::Create(DagSpec spec) {
  Dag dag;
  dag.spec_ = std::move(spec);
  MR_TRY(dag.Check());
  MR_TRY(dag.Connect());
  MR_TRY(dag.Sort());
  return dag;
}

Status Dag::Check() const {
  const std::string where = fmt::format("dag {}", spec_.id.substr(0, kIdBytesMax));
  if (!IsId(spec_.id))
    return Fail(ErrorCode::kInvalidArgument, "{}: an id is 1-{} letters, digits, '_', '-' and '.'",
                where, kIdBytesMax);
  MR_TRY(CheckRange<size_t>(where, "the number of tasks", spec_.tasks.size(), 1, kTasksMax));
  MR_TRY(CheckRange(where, "max_active_runs", spec_.max_active_runs, 1, 1000));
  MR_TRY(CheckRange(where, "the overlap queue", spec_.overlap.queue_max, 1, 10000));
  if (spec_.run_timeout.count() < 0 || spec_.catch_up.max_age.count() < 0)
    return Fail(ErrorCode::kInvalidArgument, "{}: a time-out or an age is negative", where);
  if (spec_.start && spec_.end && *spec_.end < *spec_.start)
    return Fail(ErrorCode::kInvalidArgument, "{}: it ends before it starts", where);
  for (const TaskSpec& task : spec_.tasks) MR_TRY(CheckTask(spec_.id, task));
  return {};
}

Status Dag::Connect() {
  std::unordered_map<std::string_view, size_t> index_of;
  for (size_t i = 0; i < size(); ++i) {
    if (!index_of.emplace(task(i).id, i).second)
      return Fail(ErrorCode::kInvalidArgument, "dag {}: there are two tasks named {}", id(),
                  task(i).id);
  }
  upstream_.resize(size());
  downstream_.resize(size());
  for (size_t i = 0; i < size(); ++i) {
    for (const std::string& name : task(i).upstream) {
      const auto found = index_of.find(name);
      if (found == index_of.end())
        return Fail(ErrorCode::kInvalidArgument, "dag {}, task {}: it follows {}, which is no task",
                    id(), task(i).id, name.substr(0, kIdBytesMax));
      const size_t before = found->second;
      auto& upstream = upstream_[i];
      if (std::find(upstream.begin(), upstream.end(), before) != upstream.end()) continue;
      upstream.push_back(before);
      downstream_[before].push_back(i);
    }
  }
  return {};
}

Status Dag::Sort() {
  std::vector<size_t> waits_for(size());
  for (size_t i = 0; i < size(); ++i) {
    waits_for[i] = upstream_[i].size();
    if (waits_for[i] == 0) order_.push_back(i);
  }
  for (size_t at = 0; at < order_.size(); ++at) {
    for (const size_t next : downstream_[order_[at]]) {
      if (--waits_for[next] == 0) order_.push_back(next);
    }
  }
  if (order_.size() == size()) return {};
  // What is left holds a cycle: going back from any of it comes round.
  size_t at = 0;
  while (waits_for[at] == 0) ++at;
  std::vector<size_t> path;
  while (std::find(path.begin(), path.end(), at) == path.end()) {
    path.push_back(at);
    at = *std::find_if(upstream_[at].begin(), upstream_[at].end(),
                       [&](size_t before) { return waits_for[before] > 0; });
  }
  path.erase(path.begin(), std::find(path.begin(), path.end(), at));
  std::string text = task(at).id;
  for (size_t i = path.size(); i-- > 0;) text += " -> " + task(path[i]).id;
  return Fail(ErrorCode::kInvalidArgument, "dag {}: tasks wait for each other: {}", id(), text);
}

std::optional<size_t> Dag::IndexOf(std::string_view task_id) const {
  for (size_t i = 0; i < size(); ++i) {
    if (task(i).id == task_id) return i;
  }
  return std::nullopt;
}

}  // namespace millrace::schedule
