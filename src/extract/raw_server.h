// RawServer: a TCP server for tests that answers each connection with whatever a function writes,
// however wrong.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace millrace::extract {

class RawServer {
 public:
  class Connection {
   public:
    Connection(int fd, const std::atomic<bool>& stopping) : fd_(fd), stopping_(stopping) {}
    // Up to the empty line; "" when the peer left first.
    std::string ReadHead() {
      std::string head;
      char byte = 0;
      while (!head.ends_with("\r\n\r\n") && recv(fd_, &byte, 1, 0) == 1) head += byte;
      return head.ends_with("\r\n\r\n") ? head : "";
    }
    // False once the peer is gone.
    bool Write(std::string_view bytes) {
      while (!bytes.empty()) {
        const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<size_t>(sent));
      }
      return true;
    }
    bool WriteWhole(std::string_view body, std::string_view extra_headers = "") {
      return Write(fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{}\r\n", body.size(),
                               extra_headers)) &&
             Write(body);
    }
    // False when the server stops meanwhile.
    bool Sleep(std::chrono::milliseconds time) {
      for (auto slept = std::chrono::milliseconds(0); slept < time && !stopping_;
           slept += std::chrono::milliseconds(5))
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      return !stopping_;
    }

   private:
    int fd_;
    const std::atomic<bool>& stopping_;
  };
  // `number` counts connections from 0.
  using Answer = std::function<void(Connection& connection, int number)>;

  explicit RawServer(Answer answer) : answer_(std::move(answer)) {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    listen(listener_, 16);
    acceptor_ = std::thread([this] { Accept(); });
  }
  ~RawServer() {
    stopping_ = true;
    shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    close(listener_);
    std::lock_guard lock(mutex_);
    for (int fd : open_) shutdown(fd, SHUT_RDWR);
    for (std::thread& thread : threads_) thread.join();
    for (int fd : open_) close(fd);
  }
  int port() const { return port_; }
  int connections() const { return connections_; }
  std::string Url(std::string_view path = "/") const {
    return fmt::format("http://127.0.0.1:{}{}", port_, path);
  }

 private:
  void Accept() {
    for (;;) {
      const int fd = accept(listener_, nullptr, nullptr);
      if (fd < 0) return;
      std::lock_guard lock(mutex_);
      open_.push_back(fd);
      threads_.emplace_back([this, fd, number = connections_++] {
        Connection connection(fd, stopping_);
        answer_(connection, number);
        shutdown(fd, SHUT_RDWR);
      });
    }
  }

  Answer answer_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::atomic<int> connections_ = 0;
  std::mutex mutex_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace millrace::extract
