# kin_parity and kin64_parity: a device beside the CPU in double (tests/cuda/parity.h). They need no
# library that a machine with a GPU may lack.

file(GLOB parity CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/cuda/parity*.c)
kin_wall(tests_parity core autograd losses optim cpu tests)
foreach(kin kin kin64)
  add_executable(${kin}_parity ${parity})
  target_include_directories(${kin}_parity PRIVATE ${CMAKE_BINARY_DIR}/walls/tests_parity)
  target_compile_options(${kin}_parity PRIVATE ${KIN_WARNINGS} ${KIN_FLAGS})
  set_target_properties(${kin}_parity PROPERTIES ENABLE_EXPORTS ON)
  foreach(seen core autograd losses optim cpu)
    target_link_libraries(${kin}_parity PRIVATE ${kin}_${seen})
  endforeach()
endforeach()

# What double gives is written once, in the build folder; each device is compared with it.
set(parity_file ${CMAKE_BINARY_DIR}/parity.dat)
add_test(NAME parity.write COMMAND kin64_parity --write ${parity_file} --small)
set_tests_properties(parity.write PROPERTIES FIXTURES_SETUP parity)
set(parity_devices cpu)
foreach(device pretend cuda)                         # without a GPU the latter is skipped
  if(TARGET kin_${device})
    list(APPEND parity_devices ${device})
  endif()
endforeach()
# Under sanitizers threads of kernels are slow: each kind of kernel, but not all losses.
set(parity_filters all)
if(KIN_SANITIZE)
  set(parity_filters kernel infonce circle triplet)
endif()
foreach(device ${parity_devices})
  foreach(filter ${parity_filters})
    set(only --filter ${filter})
    if(filter STREQUAL all)
      set(only "")
    endif()
    add_test(NAME parity.${device}.${filter}
             COMMAND kin_parity --device ${device} --compare ${parity_file} --small ${only})
    set_tests_properties(parity.${device}.${filter} PROPERTIES FIXTURES_REQUIRED parity
                         SKIP_RETURN_CODE 77 TIMEOUT 600)
  endforeach()
endforeach()
