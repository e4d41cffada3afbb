#include "io/stream_socket.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/http_address.h"
#include "io/tcp_socket.h"

namespace millrace::io {
namespace {

socklen_t FillAddress(const IpAddress& ip, uint16_t port, sockaddr_storage& storage) {
  if (ip.v6) {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&v6.sin6_addr, ip.bytes.data(), 16);
    std::memcpy(&storage, &v6, sizeof(v6));
    return sizeof(v6);
  }
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  std::memcpy(&v4.sin_addr, ip.bytes.data(), 4);
  std::memcpy(&storage, &v4, sizeof(v4));
  return sizeof(v4);
}

// 0, or the errno of a connection that cannot be made; ETIMEDOUT when time is up.
int ConnectWithin(int descriptor, const IpAddress& ip, uint16_t port,
                  std::chrono::milliseconds timeout) {
  sockaddr_storage storage{};
  const socklen_t size = FillAddress(ip, port, storage);
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&storage), size) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  pollfd wanted{descriptor, POLLOUT, 0};
  if (::poll(&wanted, 1, static_cast<int>(timeout.count())) <= 0) return ETIMEDOUT;
  int error = 0;
  socklen_t error_size = sizeof(error);
  ::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &error_size);
  return error;
}

Result<ConnectedDescriptors> ConnectTo(const IpAddress& ip, const StreamTarget& target) {
  const int descriptor =
      ::socket(ip.v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return FailErrno(errno, "cannot make a socket");
  const int error = ConnectWithin(descriptor, ip, target.port, target.timeout);
  if (error != 0) {
    ::close(descriptor);
    return Fail(error == ETIMEDOUT ? ErrorCode::kTimeout : ErrorCode::kUnavailable,
                "cannot connect to {}:{}: {}", ip.ToString(), target.port, std::strerror(error));
  }
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  ::setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  const int wake = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (wake < 0) {
    const int failed = errno;
    ::close(descriptor);
    return FailErrno(failed, "cannot make an eventfd");
  }
  return ConnectedDescriptors{descriptor, wake};
}

bool WouldBlock(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

Result<std::unique_ptr<StreamSocket>> StreamSocket::Connect(const StreamTarget& target) {
  MR_ASSIGN(const auto addresses, SystemResolver().Resolve(target.host));
  std::optional<Error> first;
  for (const IpAddress& ip : addresses) {
    const auto connected = ConnectTo(ip, target);
    if (!connected) {
      if (!first) first = connected.error();
      continue;
    }
    if (target.tls) return StartTls(*connected, target);
    return std::make_unique<TcpSocket>(connected->socket, connected->wake);
  }
  return std::unexpected(*first);
}

TcpSocket::~TcpSocket() {
  ::close(descriptor_);
  ::close(wake_descriptor_);
}

Result<size_t> TcpSocket::Read(char* to, size_t size) {
  const ssize_t got = ::recv(descriptor_, to, size, 0);
  if (got > 0) return static_cast<size_t>(got);
  if (got == 0) return Fail(ErrorCode::kUnavailable, "the peer closed the connection");
  if (WouldBlock(errno)) return 0;
  return Fail(ErrorCode::kUnavailable, "connection lost: {}", std::strerror(errno));
}

Result<size_t> TcpSocket::Write(std::string_view bytes) {
  const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent >= 0) return static_cast<size_t>(sent);
  if (WouldBlock(errno)) return 0;
  return Fail(ErrorCode::kUnavailable, "connection lost: {}", std::strerror(errno));
}

void TcpSocket::Wait(bool for_write, std::chrono::milliseconds timeout) {
  const auto wanted = static_cast<short>(for_write ? POLLIN | POLLOUT : POLLIN);
  pollfd polled[] = {{descriptor_, wanted, 0}, {wake_descriptor_, POLLIN, 0}};
  if (::poll(polled, 2, static_cast<int>(timeout.count())) <= 0) return;
  uint64_t count = 0;
  if (polled[1].revents != 0) [[maybe_unused]]
    const ssize_t read = ::read(wake_descriptor_, &count, sizeof(count));
}

void TcpSocket::Wake() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_descriptor_, &one, sizeof(one));
}

}  // namespace millrace::io
