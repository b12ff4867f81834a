namespace Harness.Binary.Unwind;

/// <summary>What expressions compute with: real values of a stopped program, or what is known of them from the code alone.</summary>
internal interface IExpressionDomain<T>
{
    T Constant(ulong value);

    T Register(int register);

    T Load(T address, int bytes);

    T Unary(byte operation, T operand);

    T Binary(byte operation, T left, T right);

    /// <summary>Whether a branch is taken.</summary>
    bool IsTrue(T value);
}

/// <summary>Evaluates DW_OP expressions of call frame information; steps and depth are bounded.</summary>
internal static class Expression
{
    /// <param name="initial">What is on the stack at the beginning: the CFA, for register rules.</param>
    /// <param name="bias">Added to DW_OP_addr.</param>
    public static T Evaluate<T, TDomain>(ReadOnlySpan<byte> code, TDomain domain, ReadOnlySpan<T> initial, UnwindLimits limits, ulong bias = 0)
        where TDomain : IExpressionDomain<T>
    {
        var stack = new ValueStack<T>(limits.MaxExpressionDepth);
        foreach (var value in initial)
        {
            stack.Push(value);
        }

        var at = 0;
        try
        {
            for (var steps = 0; at < code.Length; steps++)
            {
                if (steps == limits.MaxExpressionSteps)
                {
                    throw new UnwindException(UnwindFault.ExpressionTooLong, (ulong)at, $"more than {limits.MaxExpressionSteps} operations");
                }

                var cursor = new Cursor(code[at..], "expression", "an expression");
                var operation = cursor.U8();
                var jump = Step(operation, ref cursor, domain, stack, bias);
                at += cursor.Position + jump;
                if (at < 0 || at > code.Length)
                {
                    throw new UnwindException(UnwindFault.ExpressionBranch, (ulong)(at - jump), $"a branch to {at} of {code.Length}");
                }
            }
        }
        catch (InvalidDataException)
        {
            throw new UnwindException(UnwindFault.Truncated, (ulong)at, "an expression ends within an operation");
        }

        return stack.Pop();
    }

    /// <summary>One operation; returns how far to jump from its end.</summary>
    private static int Step<T, TDomain>(byte operation, ref Cursor cursor, TDomain domain, ValueStack<T> stack, ulong bias)
        where TDomain : IExpressionDomain<T>
    {
        switch (operation)
        {
            case >= 0x30 and <= 0x4f: // DW_OP_lit0 … lit31
                stack.Push(domain.Constant(operation - 0x30UL));
                return 0;
            case >= 0x70 and <= 0x8f: // DW_OP_breg0 … breg31
                var register = operation - 0x70;
                var offset = cursor.Sleb();
                stack.Push(domain.Binary(Plus, domain.Register(Followed(register)), domain.Constant(unchecked((ulong)offset))));
                return 0;
            case 0x2f: // DW_OP_skip
                return (short)cursor.U16();
            case 0x28: // DW_OP_bra
                var distance = (short)cursor.U16();
                return domain.IsTrue(stack.Pop()) ? distance : 0;
            case 0x96: // DW_OP_nop
                return 0;
            case 0x06: // DW_OP_deref
                stack.Push(domain.Load(stack.Pop(), 8));
                return 0;
            case 0x94: // DW_OP_deref_size
                var bytes = cursor.U8();
                stack.Push(domain.Load(stack.Pop(), bytes is 1 or 2 or 4 or 8 ? bytes : throw Unknown(operation)));
                return 0;
            case 0x23: // DW_OP_plus_uconst
                stack.Push(domain.Binary(Plus, stack.Pop(), domain.Constant(cursor.Uleb())));
                return 0;
            case 0x19 or 0x1f or 0x20: // DW_OP_abs, DW_OP_neg, DW_OP_not
                stack.Push(domain.Unary(operation, stack.Pop()));
                return 0;
            case 0x1a or 0x1b or 0x1c or 0x1d or 0x1e or 0x21 or 0x22 or (>= 0x24 and <= 0x27) or (>= 0x29 and <= 0x2e):
                var right = stack.Pop();
                stack.Push(domain.Binary(operation, stack.Pop(), right));
                return 0;
            case >= 0x12 and <= 0x17:
                Rearrange(operation, ref cursor, stack);
                return 0;
            default:
                stack.Push(domain.Constant(Literal(operation, ref cursor, bias)));
                return 0;
        }
    }

    private static void Rearrange<T>(byte operation, ref Cursor cursor, ValueStack<T> stack)
    {
        switch (operation)
        {
            case 0x12: // DW_OP_dup
                stack.Push(stack.Peek(0));
                break;
            case 0x13: // DW_OP_drop
                stack.Pop();
                break;
            case 0x14: // DW_OP_over
                stack.Push(stack.Peek(1));
                break;
            case 0x15: // DW_OP_pick
                stack.Push(stack.Peek(cursor.U8()));
                break;
            default: // DW_OP_swap, DW_OP_rot
                var (first, second) = (stack.Pop(), stack.Pop());
                if (operation == 0x16)
                {
                    stack.Push(first);
                    stack.Push(second);
                    break;
                }

                var third = stack.Pop();
                stack.Push(first);
                stack.Push(third);
                stack.Push(second);
                break;
        }
    }

    private static ulong Literal(byte operation, ref Cursor cursor, ulong bias) => operation switch
    {
        0x03 => unchecked(cursor.U64() + bias), // DW_OP_addr
        0x08 => cursor.U8(),
        0x09 => unchecked((ulong)(sbyte)cursor.U8()),
        0x0a => cursor.U16(),
        0x0b => unchecked((ulong)(short)cursor.U16()),
        0x0c => cursor.U32(),
        0x0d => unchecked((ulong)(int)cursor.U32()),
        0x0e or 0x0f => cursor.U64(),
        0x10 => cursor.Uleb(),
        0x11 => unchecked((ulong)cursor.Sleb()),
        _ => throw Unknown(operation),
    };

    public const byte Plus = 0x22;
    public const byte Minus = 0x1c;

    /// <summary>A unary operation on numbers.</summary>
    public static ulong Compute(byte operation, ulong value) => unchecked(operation switch
    {
        0x19 => (long)value < 0 ? 0 - value : value,
        0x1f => 0 - value,
        0x20 => ~value,
        _ => throw Unknown(operation),
    });

    /// <summary>A binary operation on numbers; <paramref name="right"/> was on top.</summary>
    public static ulong Compute(byte operation, ulong left, ulong right)
    {
        unchecked
        {
            var (signedLeft, signedRight) = ((long)left, (long)right);
            return operation switch
            {
                0x1a => left & right,
                0x1b or 0x1d when right == 0 => throw new UnwindException(UnwindFault.DivisionByZero, 0, "a division by zero"),
                0x1b => signedRight == -1 ? 0 - left : (ulong)(signedLeft / signedRight),
                0x1c => left - right,
                0x1d => left % right,
                0x1e => left * right,
                0x21 => left | right,
                0x22 => left + right,
                0x24 => right < 64 ? left << (int)right : 0,
                0x25 => right < 64 ? left >> (int)right : 0,
                0x26 => (ulong)(signedLeft >> (int)Math.Min(right, 63)),
                0x27 => left ^ right,
                0x29 => signedLeft == signedRight ? 1UL : 0,
                0x2a => signedLeft >= signedRight ? 1UL : 0,
                0x2b => signedLeft > signedRight ? 1UL : 0,
                0x2c => signedLeft <= signedRight ? 1UL : 0,
                0x2d => signedLeft < signedRight ? 1UL : 0,
                0x2e => signedLeft != signedRight ? 1UL : 0,
                _ => throw Unknown(operation),
            };
        }
    }

    private static int Followed(int register) => register < DwarfRegister.Count
        ? register
        : throw new UnwindException(UnwindFault.BadRegister, 0, $"an expression reads register {register}");

    private static UnwindException Unknown(byte operation) => new(UnwindFault.UnknownOperation, 0, $"expression operation {operation:x2}");

    private sealed class ValueStack<T>(int limit)
    {
        private readonly List<T> _values = [];

        public void Push(T value)
        {
            if (_values.Count == limit)
            {
                throw new UnwindException(UnwindFault.ExpressionStack, 0, $"an expression's stack is deeper than {limit}");
            }

            _values.Add(value);
        }

        public T Pop()
        {
            var value = Peek(0);
            _values.RemoveAt(_values.Count - 1);
            return value;
        }

        public T Peek(int depth) => depth < _values.Count
            ? _values[^(depth + 1)]
            : throw new UnwindException(UnwindFault.ExpressionStack, 0, "an expression takes more from its stack than there is");
    }
}
