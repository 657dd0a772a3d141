
-- What every script ends with: apply(i) is what it does for op i of nr. Alone, an op answers with its
-- number or its error. Of several none keeps the others from being done: the answer is the sum of
-- their numbers and, where some failed, a text of that sum and their places, as in "5 2 17".

if nr == 1 then
    return apply(1)
end
local sum, failed = 0, ''
for i = 1, nr do
    local went, answer = pcall(apply, i)
    if went and type(answer) == 'number' then
        sum = sum + answer
    else
        failed = failed .. ' ' .. i
    end
end
return failed == '' and sum or sum .. failed
