/* The start of a program on a Cortex-M4 of QEMU's board mps2-an386, which loads all sections itself. */
#include <stdint.h>

extern uint32_t stack_top;
extern void _start(void);               /* of newlib, with semihosting */

static void reset(void)
{
    *(volatile uint32_t *)0xE000ED88 |= 0xFu << 20;         /* switch the floating-point unit on */
    __asm__ volatile("dsb\n isb");
    _start();
}

static void fault(void)
{
    for (;;)
        ;
}

typedef union {
    const void *stack;
    void (*handler)(void);
} vector;

__attribute__((section(".vectors"), used)) static const vector vectors[16] = {
    {&stack_top}, {.handler = reset}, {.handler = fault}, {.handler = fault}, {.handler = fault}, {.handler = fault},
    {.handler = fault}};
