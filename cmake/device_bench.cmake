# kin_device_bench: the cases of bench/device.h, for a machine that has a compiler and a GPU but
# none of the libraries that the upper rooms stand on.
kin_wall(device_bench core autograd losses optim cpu bench)
file(GLOB device_bench CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/bench/device*.c)
add_executable(kin_device_bench EXCLUDE_FROM_ALL ${device_bench}
               ${CMAKE_SOURCE_DIR}/bench/inputs.c ${CMAKE_SOURCE_DIR}/bench/work.c)
target_include_directories(kin_device_bench PRIVATE ${CMAKE_BINARY_DIR}/walls/device_bench)
target_compile_options(kin_device_bench PRIVATE ${KIN_WARNINGS} ${KIN_FLAGS})
target_link_libraries(kin_device_bench PRIVATE kin_optim kin_losses kin_autograd kin_cpu kin_core)
set_target_properties(kin_device_bench PROPERTIES ENABLE_EXPORTS ON)
